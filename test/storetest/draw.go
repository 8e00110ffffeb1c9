package storetest

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// EachStore checks a property on stores that all draws share: aggregates that the domain
// accepts are loaded as they were saved. What the domain rejects of the drawn input is
// skipped.
func EachStore(t *testing.T, property func(t *rapid.T, store *bunstore.Store, n int)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) *bunstore.Store{"SQLite": Memory, "PostgreSQL": Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				n++
				property(rt, store, n)
			})
			require.Zero(t, store.DamagedRows())
		})
	}
}

// DrawText draws any text that JSON can hold, edge cases often.
func DrawText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", " ", "<&>", "\u2028\u2029", "\uFFFD\uFFFE", "\x00", "\x7f", "'", `"\`, "%eth0", "ü", "\U0001F600", "\r\n\t\b\f",
	}))
}

// DrawNumber draws a number as JSON writes it.
func DrawNumber() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"0", "-0", "-0.0", "0e5", "1.0", "1.50", "1e2", "1E+2", "1.50e1", "1e-7", "5e-324", "1e-400", "1e300", "1e308", "1e400",
			"1.7976931348623157e308", "2.2250738585072014e-308", "9007199254740993", "12345678901234567890.5", "0.1", "-1e-3",
			"1" + strings.Repeat("0", 398), "0." + strings.Repeat("7", 390) + "e-300",
		}),
		rapid.Custom(func(t *rapid.T) string { return strconv.FormatFloat(rapid.Float64().Draw(t, "f"), 'g', -1, 64) }),
	)
}

// Quoted returns a text as a JSON string.
func Quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(b)
}

// DrawJSON draws any JSON of some depth.
func DrawJSON(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kinds := 4
		if depth > 0 {
			kinds = 6
		}
		switch rapid.IntRange(1, kinds).Draw(t, "kind") {
		case 1:
			return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "literal")
		case 2:
			return DrawNumber().Draw(t, "number")
		case 5:
			return "[" + strings.Join(rapid.SliceOfN(DrawJSON(depth-1), 0, 4).Draw(t, "list"), ",") + "]"
		case 6:
			return DrawObject(depth).Draw(t, "object")
		}
		return Quoted(DrawText().Draw(t, "text"))
	})
}

// DrawObject draws a JSON object of some depth.
func DrawObject(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		members := rapid.MapOfN(DrawText(), DrawJSON(depth-1), 0, 5).Draw(t, "members")
		list := make([]string, 0, len(members))
		for name, v := range members {
			list = append(list, Quoted(name)+":"+v)
		}
		return "{" + strings.Join(list, ",") + "}"
	})
}

// DrawStamp draws an actor and any time of a clock.
func DrawStamp(t *rapid.T, label string) scope.Stamp {
	seconds := rapid.Int64Range(-62_135_596_799, 253_402_300_799).Draw(t, label+" seconds")
	micros := rapid.Int64Range(0, 999_999).Draw(t, label+" microseconds")
	stamp := scope.Stamp{At: time.Unix(seconds, micros*1000).UTC()}
	if rapid.Bool().Draw(t, label+" known") {
		stamp.By = scope.Actor{
			KeyID: rapid.StringMatching(`[0-9A-Za-z]{8}`).Draw(t, label+" key"),
			Name:  rapid.StringMatching(`[!-~äöü€]{1,25}`).Draw(t, label+" name"),
		}
		stamp.RequestID = rapid.StringMatching(`[!-~]{0,64}`).Draw(t, label+" request")
	}
	return stamp
}

// DrawDescription draws a valid description, or none.
func DrawDescription(t *rapid.T) (d scope.Description) {
	if rapid.Bool().Draw(t, "described") {
		if parsed, err := scope.ParseDescription(DrawText().Draw(t, "description")); err == nil {
			d = parsed
		}
	}
	return d
}
