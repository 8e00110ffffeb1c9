package flag_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
)

// refused returns the places at which a definition refuses a change.
func refused(tb testing.TB, d *flag.Definition, members string) []string {
	tb.Helper()
	c, err := flag.ParseChange(tb.Context(), []byte("{"+members+"}"))
	if err == nil {
		_, err = d.Apply(c)
	}
	require.ErrorIs(tb, err, fault.ErrInvalid, members)
	var places []string
	for _, f := range fault.Of(err).Fields() {
		places = append(places, f.Name)
	}
	return places
}

// deep returns a condition within that many groups.
func deep(groups int) string {
	return strings.Repeat(`{"all":[`, groups) + `{"attribute":"a","operator":"exists"}` + strings.Repeat(`]}`, groups)
}

func TestFaultsOfConditionsAreNamed(t *testing.T) {
	t.Parallel()
	condition := func(members string) string { return `"rules":[{"variant":"on","conditions":[{` + members + `}]}]` }
	for members, want := range map[string][]string{
		`"attribute":"a","operator":"like","values":["x"]`:                   {"/operator"},
		`"attribute":"a","operator":7`:                                       {"/operator"},
		`"attribute":7,"operator":"exists"`:                                  {"/attribute"},
		`"operator":"exists"`:                                                {"/attribute"},
		`"attribute":"a\u0000","operator":"exists"`:                          {"/attribute"},
		`"attribute":"a","operator":"matches","values":["(","b","["]`:        {"/values/0", "/values/2"},
		`"attribute":"a","operator":"matches","values":["(?=x)"]`:            {"/values/0"},
		`"attribute":"a","operator":"in","values":"x"`:                       {"/values"},
		`"attribute":"a","operator":"in","values":[]`:                        {"/values"},
		`"attribute":"a","operator":"in","values":["x",null,["y"],{}]`:       {"/values/1", "/values/2", "/values/3"},
		`"attribute":"a","operator":"in","values":["a\u0000"]`:               {"/values/0"},
		`"attribute":"a","operator":"in","values":[1e999]`:                   {"/values/0"},
		`"attribute":"a","operator":"exists","negate":1,"ignore_case":"yes"`: {"/negate", "/ignore_case"},
		`"attribute":"a","operator":"exists","colour":1`:                     {"/colour"},
		`"attribute":"","operator":"x","values":[{}]`:                        {"/attribute", "/operator"},
		`"any":[]`:                   {"/any"},
		`"any":{}`:                   {"/any", "/any"},
		`"any":[7]`:                  {"/any/0"},
		`"any":[{}],"none":[{}]`:     {""},
		`"all":[` + deep(5) + `]`:    {"/all/0/all/0/all/0/all/0/all/0/all"},
		`"all":[` + deep(3000) + `]`: {"/all/0/all/0/all/0/all/0/all/0/all"},
		`"all":[` + deep(4) + `,{}]`: {"/all/1/attribute", "/all/1/operator"},
		`"none":[{"any":[{"attribute":"a","operator":"less","values":["1"]}]}]`: {"/none/0/any/0/values/0"},
	} {
		got := pointers(t, condition(members))
		for _, place := range want {
			assert.Contains(t, got, "/rules/0/conditions/0"+place, members)
		}
	}
	assert.Contains(t, define(t, condition(`"all":[`+deep(4)+`]`)).JSON(), `"operator":"exists"`)
}

func TestLimitsAreReachedAndNotPassed(t *testing.T) {
	t.Parallel()
	repeat := func(n int, format string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = strings.ReplaceAll(format, "#", strconv.Itoa(i))
		}
		return strings.Join(list, ",")
	}
	exists := `{"attribute":"a","operator":"exists"}`
	for name, row := range map[string]struct {
		members func(n int) string
		most    int
		place   string
	}{
		"users":      {func(n int) string { return `"target_users":[` + repeat(n, `"u#"`) + `]` }, flag.MaxTargets, "/target_users"},
		"user bytes": {func(n int) string { return `"target_users":["` + strings.Repeat("x", n) + `"]` }, 255, "/target_users/0"},
		"variants": {func(n int) string {
			return `"type":"integer","variants":{` + repeat(n, `"v#":#`) + `},"default":{"variant":"v0"}`
		}, flag.MaxVariants, "/variants"},
		"rules": {func(n int) string { return `"rules":[` + repeat(n, `{"variant":"on"}`) + `]` }, flag.MaxRules, "/rules"},
		"conditions": {func(n int) string {
			return `"rules":[{"variant":"on","conditions":[` + repeat(n, exists) + `]}]`
		}, 100, "/rules/0/conditions"},
		"conditions in groups": {func(n int) string {
			return `"rules":[{"variant":"on","conditions":[{"any":[` + repeat(n-1, exists) + `]},` + exists + `]}]`
		}, 100, "/rules/0/conditions"},
		"values": {func(n int) string {
			return `"rules":[{"variant":"on","conditions":[{"attribute":"a","operator":"in","values":[` + repeat(n, `"#"`) + `]}]}]`
		}, 1000, "/rules/0/conditions/0/values"},
		"bytes of a pattern": {func(n int) string {
			return `"rules":[{"variant":"on","conditions":[{"attribute":"a","operator":"matches","values":["` + strings.Repeat("x", n) + `"]}]}]`
		}, 1024, "/rules/0/conditions/0/values/0"},
		"bytes of an attribute":  {func(n int) string { return `"bucket_by":"` + strings.Repeat("x", n) + `"` }, 255, "/bucket_by"},
		"bytes of a group":       {func(n int) string { return `"rollout_group":"` + strings.Repeat("x", n) + `"` }, 255, "/rollout_group"},
		"bytes of a rule's id":   {func(n int) string { return `"rules":[{"id":"` + strings.Repeat("x", n) + `","variant":"on"}]` }, 255, "/rules/0/id"},
		"bytes of a variant":     {func(n int) string { return `"variants":{"` + strings.Repeat("x", n) + `":true}` }, 255, "/variants"},
		"bytes of a description": {func(n int) string { return `"description":"` + strings.Repeat("x", n) + `"` }, 4 << 10, "/description"},
		"bytes of a text": {func(n int) string {
			return `"type":"string","variants":{"a":"` + strings.Repeat("x", n) + `"},"default":{"variant":"a"}`
		}, 64 << 10, "/variants/a"},
		"bytes of an object": {func(n int) string {
			return `"type":"object","variants":{"a":{"b":"` + strings.Repeat("x", n-8) + `"}},"default":{"variant":"a"}`
		}, 64 << 10, "/variants/a"},
		"ten-thousandths of a percent": {func(n int) string { return fmt.Sprintf(`"rollout_percentage":%d.%04d`, n/10000, n%10000) }, 1_000_000, "/rollout_percentage"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := define(t, row.members(row.most))
			stored, err := flag.RehydrateDefinition([]byte(d.JSON()))
			require.NoError(t, err)
			assert.Equal(t, d.JSON(), stored.JSON())
			assert.Contains(t, pointers(t, row.members(row.most+1)), row.place)
		})
	}
}

func TestSeveralFaultsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{
		"/colour", "/description", "/is_enabled", "/rollout_percentage", "/target_users/0", "/target_users/2",
		"/off_variant", "/bucket_by", "/rules/0", "/rules/1/share/percentage", "/default", "/repack",
	}, places(t, `"colour":1,"description":1,"is_enabled":1,"rollout_percentage":101,"target_users":[1,"a","a"],`+
		`"off_variant":"?","bucket_by":1,"rules":[{},{"variant":"on","share":{"percentage":-1}}],"default":{},"repack":1`))
	assert.Equal(t, []string{
		"/off_variant", "/target_variant", "/rules/1/id", "/rules/0/conditions/0/values/0", "/rules/0/share/variant",
		"/rules/0/variant", "/rules/1/allocation/x~1y", "/rules/1/allocation", "/default/allocation",
	}, places(t, `"off_variant":"x","target_variant":"y","default":{"allocation":{"on":1}},"rules":[`+
		`{"id":"r","variant":"z","share":{"percentage":1,"outside":"variant","variant":"w"},"conditions":[`+
		`{"attribute":"a","operator":"after","values":["now"]}]},{"id":"r","allocation":{"x/y":999999}}]`))
}

// places is pointers in the order of the faults, which is always the same.
func places(tb testing.TB, members string) []string {
	tb.Helper()
	first := pointers(tb, members)
	for range 5 {
		require.Equal(tb, first, pointers(tb, members))
	}
	return first
}

func TestCreationNeedsWhatNobodyCanGuess(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"/variants"}, pointers(t, `"type":"string"`))
	assert.Equal(t, []string{"/default"}, pointers(t, `"type":"string","variants":{"a":"x"}`))
	assert.Equal(t, []string{"/rollout_percentage"}, pointers(t, `"variants":{"a":true},"rollout_percentage":50`))
	assert.Equal(t, []string{"/rollout_percentage"}, pointers(t, `"variants":{"a":false},"rollout_percentage":50`))
	assert.Equal(t, []string{"/target_variant"}, pointers(t, `"variants":{"a":false},"rollout_percentage":0,"target_users":["u"]`))
	_, err := flag.ParseCreation(t.Context(), []byte(`[]`))
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = flag.ParseCreation(t.Context(), []byte(`{`))
	require.ErrorIs(t, err, fault.ErrInvalid)
	for _, members := range []string{`"name":"a"`, `"environment":"production"`, `"salt":"00"`, `"version":1`} {
		_, err := flag.ParseChange(t.Context(), []byte("{"+members+"}"))
		require.ErrorIs(t, err, fault.ErrInvalid, members)
	}
}

func TestAnEmptyChangeIsNone(t *testing.T) {
	t.Parallel()
	assert.True(t, change(t, ``).Empty())
	assert.True(t, change(t, `"is_enabled":null,"rules":null`).Empty())
	for _, members := range []string{
		`"description":""`, `"is_enabled":false`, `"rollout_percentage":0`, `"target_users":[]`, `"type":"boolean"`,
		`"variants":{"a":true}`, `"off_variant":""`, `"target_variant":""`, `"rules":[]`, `"default":{"variant":"a"}`,
		`"bucket_by":""`, `"rollout_group":""`, `"repack":true`,
	} {
		assert.False(t, change(t, members).Empty(), members)
	}
}

func TestAChangeMayNotBreakWhatItLeavesAlone(t *testing.T) {
	t.Parallel()
	d := define(t, `"type":"string","variants":{"a":"x","b":"y","c":"z","d":"","e":"!"},"off_variant":"a","target_variant":"b",`+
		`"target_users":["u"],"default":{"allocation":{"c":1,"d":999999}},"rules":[`+
		`{"id":"r","allocation":{"a":500000,"b":500000},"share":{"percentage":50,"outside":"variant","variant":"e"}}]`)
	assert.Equal(t, []string{
		"/off_variant", "/target_variant", "/rules/0/share/variant", "/rules/0/allocation/a", "/rules/0/allocation/b",
		"/default/allocation/c", "/default/allocation/d",
	}, refused(t, d, `"variants":{"new":"x"}`))
	assert.Equal(t, []string{"/target_variant"}, refused(t, d, `"target_variant":""`))
	assert.Equal(t, []string{"/variants/a"}, refused(t, d, `"variants":{"a":1,"b":"y","c":"z","d":"","e":"!"}`))
	assert.Equal(t, []string{"/rollout_percentage"}, refused(t, d, `"rollout_percentage":5`))
	for _, other := range []string{"boolean", "integer", "float", "object"} {
		assert.Contains(t, refused(t, d, `"type":"`+other+`"`), "/type")
	}
}

// TestWhatIsSentTogetherMustAgree is about a flag that was read, changed and
// written back, where rollout_percentage and default say the same in two ways.
func TestWhatIsSentTogetherMustAgree(t *testing.T) {
	t.Parallel()
	d := define(t, `"rollout_percentage":10`)
	half, tenth := `"default":{"allocation":{"on":500000,"off":500000}}`, `"default":{"allocation":{"on":100000,"off":900000}}`
	for members, want := range map[string]uint32{
		half:                                 500_000,
		half + `,"rollout_percentage":10`:    500_000,
		half + `,"rollout_percentage":50`:    500_000,
		tenth + `,"rollout_percentage":50`:   500_000,
		tenth + `,"rollout_percentage":10`:   100_000,
		tenth + `,"rollout_percentage":100`:  1_000_000,
		tenth + `,"rollout_percentage":null`: 100_000,
		`"default":{"variant":"off"}`:        0,
	} {
		assert.Equal(t, want, apply(t, d, members).RolloutPercentage(), members)
	}
	assert.Equal(t, []string{"/rollout_percentage"}, refused(t, d, half+`,"rollout_percentage":60`))
	fixed := define(t, ``)
	assert.Equal(t, uint32(200_000), apply(t, fixed, `"default":{"variant":"on"},"rollout_percentage":20`).RolloutPercentage())
	assert.Equal(t, []string{"/rollout_percentage"}, refused(t, fixed, `"default":{"variant":"off"},"rollout_percentage":20`))
}

// shape draws the fields of a flag of any type, with all its parts.
func shape(r *rapid.T, kind flag.Type) string {
	values := map[flag.Type][]string{
		flag.Boolean: {"true", "false", "true"}, flag.String: {`"x"`, `"ü\n\u0001\"\\<>&\u2028"`, `""`},
		flag.Integer: {"-9007199254740991", "0.0", "12e3"}, flag.Float: {"1", "-0.0", "1.5e-9"},
		flag.Object: {`{}`, `{"b":[1e2,null,{"c":"\t"}],"a":-0.0}`, `{"x":9007199254740993e0}`},
	}[kind]
	optional := func(label string, options ...string) string {
		v := rapid.SampledFrom(append(options, "-")).Draw(r, label)
		if v == "-" {
			return ""
		}
		return "," + v
	}
	serving := func(label string) string {
		if rapid.Bool().Draw(r, label+" is fixed") {
			return `"variant":` + rapid.SampledFrom([]string{`"a"`, `"b"`, `"c"`}).Draw(r, label)
		}
		a := rapid.Uint32Range(0, rollout.Buckets).Draw(r, label+" a")
		b := rapid.Uint32Range(0, rollout.Buckets-a).Draw(r, label+" b")
		return fmt.Sprintf(`"allocation":{"a":%d,"b":%d,"c":%d}`, a, b, rollout.Buckets-a-b)
	}
	var rules []string
	for i := range rapid.IntRange(0, 3).Draw(r, "rules") {
		at := "rule " + strconv.Itoa(i)
		rules = append(rules, "{"+serving(at)+
			optional(at+" id", fmt.Sprintf(`"id":"r%d"`, rapid.IntRange(0, 1).Draw(r, at+" n")*10+i))+
			optional(at+" share", `"share":{"percentage":12.5}`, `"share":{"percentage":0.0001,"outside":"variant","variant":"b"}`)+
			optional(at+" conditions", `"conditions":[`+deep(rapid.IntRange(0, 5).Draw(r, at+" depth"))+`]`,
				`"conditions":[{"attribute":"n","operator":"in","values":[1e3,2.50,"x",true,-0,1e-7,9007199254740993e0],"negate":true}]`,
				`"conditions":[{"none":[{"attribute":"é.x","operator":"matches","values":["^a\\d+$"],"ignore_case":true}]}]`)+"}")
	}
	return fmt.Sprintf(`"type":%q,"variants":{"a":%s,"b":%s,"c":%s},"default":{%s},"rules":[%s],"is_enabled":%t`,
		kind, values[0], values[1], values[2], serving("default"), strings.Join(rules, ","), rapid.Bool().Draw(r, "enabled")) +
		optional("off", `"off_variant":"a"`, `"off_variant":"b"`, `"off_variant":""`) +
		optional("targets", `"target_variant":"c","target_users":["u1","ü\"2"]`, `"target_users":[]`) +
		optional("bucket_by", `"bucket_by":"user.id"`, `"bucket_by":""`) +
		optional("group", `"rollout_group":"g"`, `"rollout_group":""`)
}

// TestEveryTypeRoundTrips takes flags of every type through chains of changes,
// and each result through a store, through a client, and through a creation.
func TestEveryTypeRoundTrips(t *testing.T) {
	t.Parallel()
	for _, kind := range flag.Types() {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) {
				d := define(t, shape(r, kind))
				for range rapid.IntRange(1, 4).Draw(r, "changes") {
					stored, err := flag.RehydrateDefinition([]byte(d.JSON()))
					require.NoError(t, err)
					require.Equal(t, d.JSON(), stored.JSON())
					require.Equal(t, d.JSON(), apply(t, d, withoutSalt(d)).JSON())
					require.Equal(t, d.JSON(), apply(t, stored, withoutSalt(d)).JSON())
					require.Equal(t, d.JSON(), apply(t, stored, ``).JSON())
					require.Empty(t, d.Movements(stored))
					require.Equal(t, salt, d.Salt())
					anew := define(t, withoutSalt(d))
					require.Equal(t, d.RolloutPercentage(), anew.RolloutPercentage())
					d = apply(t, d, shape(r, kind))
				}
			})
		})
	}
}

// TestTracesOfEveryTypeAgree compares the traced evaluation with the other, and both with
// a stored definition.
func TestTracesOfEveryTypeAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		d := define(t, shape(r, rapid.SampledFrom(flag.Types()).Draw(r, "type")))
		again, err := flag.RehydrateDefinition([]byte(d.JSON()))
		require.NoError(t, err)
		c, kept := compile(t, d), compile(t, again)
		for _, key := range []string{"", "u1", "u2", "u3"} {
			in := user(key, "a", "x", "é.x", "A12", "user.id", key)
			plain := flag.Evaluate(c, in)
			traced, steps := flag.EvaluateTraced(c, in)
			require.Equal(t, plain, traced)
			require.Equal(t, plain, flag.Evaluate(kept, in))
			last := steps[len(steps)-1]
			if plain.Variant != nil && last.Kind == flag.StepServe {
				require.Equal(t, plain.Variant.Name, last.Variant)
			}
		}
	})
}

func TestTargetsAreACopy(t *testing.T) {
	t.Parallel()
	d := define(t, `"target_users":["a","b"]`)
	d.Targets()[0] = "x"
	assert.Equal(t, []string{"a", "b"}, d.Targets())
}

func TestPlacesThatAreNoMembers(t *testing.T) {
	t.Parallel()
	serving := func(members string) string { return `"default":{` + members + `}` }
	for members, want := range map[string]string{
		`"?":1`:                                "",
		serving(`"allocation":[]`):             "/default/allocation",
		serving(`"allocation":{}`):             "/default/allocation",
		serving(`"variant":""`):                "/default/variant",
		serving(`"variant":"-"`):               "/default/variant",
		serving(`"allocation":{"on":1e6}`):     "/default/allocation/on",
		serving(`"allocation":{"on":"1"}`):     "/default/allocation/on",
		`"variants":{"?":true}`:                "/variants",
		`"variants":{"":true}`:                 "/variants",
		`"variants":[]`:                        "/variants",
		`"description":"\u0000"`:               "/description",
		`"rules":[7]`:                          "/rules/0",
		`"rollout_percentage":"50"`:            "/rollout_percentage",
		`"rules":[{"variant":"on","share":5}]`: "/rules/0/share",
	} {
		assert.Contains(t, pointers(t, members), want, members)
	}
	ignored := `"default":{"allocation":{"on":1,"off":999999},"ranges":[[7]]}`
	assert.Contains(t, define(t, ignored).JSON(), `"on":[[0,1]]`, "ranges of a change are passed over")
	assert.True(t, flag.BeginsName(""))
	assert.Equal(t, "unknown", flag.Type(0).String())
}
