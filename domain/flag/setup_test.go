package flag_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

const salt = "0123456789abcdef"

// define returns the definition of a flag with these fields.
func define(tb testing.TB, members string) *flag.Definition {
	tb.Helper()
	c, err := flag.ParseCreation(tb.Context(), []byte("{"+members+"}"))
	require.NoError(tb, err)
	d, err := flag.Define(c, salt)
	require.NoError(tb, err)
	return d
}

// change returns a change of these fields.
func change(tb testing.TB, members string) flag.Change {
	tb.Helper()
	c, err := flag.ParseChange(tb.Context(), []byte("{"+members+"}"))
	require.NoError(tb, err)
	return c
}

// apply returns a definition after a change.
func apply(tb testing.TB, d *flag.Definition, members string) *flag.Definition {
	tb.Helper()
	next, err := d.Apply(change(tb, members))
	require.NoError(tb, err)
	return next
}

// pointers tries to define a flag and returns the invalid fields.
func pointers(tb testing.TB, members string) []string {
	tb.Helper()
	c, err := flag.ParseCreation(tb.Context(), []byte("{"+members+"}"))
	if err == nil {
		_, err = flag.Define(c, salt)
	}
	require.ErrorIs(tb, err, fault.ErrInvalid)
	var places []string
	for _, f := range fault.Of(err).Fields() {
		places = append(places, f.Name)
	}
	return places
}

func identity(tb testing.TB) flag.Identity {
	tb.Helper()
	name, err := flag.ParseName("checkout")
	require.NoError(tb, err)
	environment, err := scope.ParseEnvironment("production")
	require.NoError(tb, err)
	return flag.Identity{Environment: environment, Name: name}
}

// compile makes a definition ready to be evaluated, as version 3.
func compile(tb testing.TB, d *flag.Definition) *flag.Compiled {
	tb.Helper()
	return flag.Compile(flag.State{
		ID: 7, Identity: identity(tb), Draft: flag.Draft{Definition: d}, Lifecycle: scope.Lifecycle{Version: 3},
	})
}

// user returns a context with that targeting key, and attributes as names and
// texts in turn.
func user(key string, attributes ...string) *targeting.Context {
	var c targeting.Context
	if key != "" {
		c.SetKey(targeting.TextValue(key))
	}
	for i := 0; i+1 < len(attributes); i += 2 {
		c.Add(attributes[i], targeting.TextValue(attributes[i+1]))
	}
	return &c
}

// served returns the name of the variant that a context gets, or the reason why
// it gets none.
func served(c *flag.Compiled, in *targeting.Context) string {
	d := flag.Evaluate(c, in)
	if d.Variant == nil {
		return d.Reason.String()
	}
	return d.Variant.Name
}

func stamp(minute int) scope.Stamp {
	return scope.Stamp{
		By: scope.Actor{KeyID: "deploy01", Name: "deploy"}, RequestID: "r",
		At: time.Date(2026, 1, 31, 12, minute, 0, 0, time.UTC),
	}
}

// withoutSalt returns a definition's JSON as a change can contain it.
func withoutSalt(d *flag.Definition) string {
	text := d.JSON()
	i := strings.Index(text, `"salt":"`)
	return text[1:i] + text[i+len(`"salt":"`)+2*flag.SaltBytes+len(`",`):len(text)-1]
}

// allocationOf returns the allocation that a definition's JSON shows by default.
func allocationOf(tb testing.TB, d *flag.Definition) rollout.Allocation {
	tb.Helper()
	var shown struct {
		Default struct {
			Variant string                 `json:"variant"`
			Ranges  map[string][][2]uint32 `json:"ranges"`
		} `json:"default"`
	}
	require.NoError(tb, json.Unmarshal([]byte(d.JSON()), &shown))
	if shown.Default.Variant != "" {
		return rollout.Whole(shown.Default.Variant)
	}
	var ranges []rollout.Range
	for name, list := range shown.Default.Ranges {
		for _, bounds := range list {
			ranges = append(ranges, rollout.Range{Variant: name, Lo: bounds[0], Hi: bounds[1]})
		}
	}
	a, err := rollout.Rehydrate(ranges)
	require.NoError(tb, err)
	return a
}
