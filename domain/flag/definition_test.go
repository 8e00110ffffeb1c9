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

func TestNames(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "9", "new_checkout_flow", "team/check-out:v1.2", strings.Repeat("x", 255)} {
		n, err := flag.ParseName(good)
		require.NoError(t, err, good)
		assert.Equal(t, good, n.String())
	}
	for _, bad := range []string{"", "_a", "-a", "a b", "ü", "a//b", "a/", "/a", "a/./b", "a/../b", "a/..", "a\n", strings.Repeat("x", 256)} {
		_, err := flag.ParseName(bad)
		require.ErrorIs(t, err, fault.ErrInvalid, bad)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()

	t.Run("a boolean flag has on and off, is disabled, and serves on", func(t *testing.T) {
		t.Parallel()
		d := define(t, ``)
		assert.Equal(t, flag.Boolean, d.Type())
		assert.False(t, d.Enabled())
		assert.Equal(t, uint32(rollout.Buckets), d.RolloutPercentage())
		assert.Contains(t, d.JSON(), `"variants":{"off":false,"on":true}`)
		assert.Contains(t, d.JSON(), `"off_variant":null`)
		assert.Contains(t, d.JSON(), `"default":{"variant":"on"}`)
	})

	t.Run("0 and 100 percent are fixed variants, what lies between an allocation", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, define(t, `"rollout_percentage":0`).JSON(), `"default":{"variant":"off"}`)
		assert.Contains(t, define(t, `"rollout_percentage":100.0`).JSON(), `"default":{"variant":"on"}`)
		d := define(t, `"rollout_percentage":0.0001`)
		assert.Contains(t, d.JSON(), `"ranges":{"off":[[1,1000000]],"on":[[0,1]]}`)
		assert.Contains(t, d.JSON(), `"rollout_percentage":0.0001`)
	})

	t.Run("an allocation that gives one everything is a fixed variant", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"default":{"allocation":{"on":1000000,"off":0}}`)
		assert.Contains(t, d.JSON(), `"default":{"variant":"on"}`)
	})

	t.Run("variants of a boolean flag are identified by their value", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"variants":{"new":true,"old":false},"rollout_percentage":25,"is_enabled":true`)
		assert.Contains(t, d.JSON(), `"ranges":{"new":[[0,250000]],"old":[[250000,1000000]]}`)
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ kind, value, want string }{
		{"boolean", `true`, `true`},
		{"string", `"\u00fc\n\"<>"`, "\"ü\\u000a\\\"<>\""},
		{"integer", `9007199254740991`, `9007199254740991`},
		{"integer", `-1.0`, `-1`},
		{"integer", `1e3`, `1000`},
		{"float", `10`, `10.0`},
		{"float", `-0`, `0.0`},
		{"float", `1e300`, `1.0e+300`},
		{"float", `0.1`, `0.1`},
		{"object", `{"b":1,"a":{"y":[1e2,-0.0,null],"x":"\u0041"}}`, `{"a":{"x":"A","y":[100,0.0,null]},"b":1}`},
		{"object", `{}`, `{}`},
	} {
		d := define(t, `"is_enabled":true,"type":"`+row.kind+`","variants":{"a":`+row.value+`},"default":{"variant":"a"}`)
		v := flag.Evaluate(compile(t, d), user("")).Variant
		if row.kind == "string" {
			assert.JSONEq(t, row.want, v.JSON())
			continue
		}
		assert.Equal(t, row.want, v.JSON(), row.value)
	}
	for _, row := range [][2]string{
		{"boolean", `1`},
		{"boolean", `"true"`},
		{"boolean", `null`},
		{"string", `1`},
		{"string", `"\u0000"`},
		{"integer", `1.5`},
		{"integer", `9007199254740992`},
		{"integer", `-9007199254740992`},
		{"integer", `"1"`},
		{"integer", `1e400`},
		{"float", `"1"`},
		{"float", `1e400`},
		{"float", `true`},
		{"object", `[]`},
		{"object", `"{}"`},
		{"object", `{"a":1e999}`},
		{"object", `{"a":"` + strings.Repeat("x", 64<<10) + `"}`},
		{"object", `{"a":"\u0000"}`},
	} {
		got := pointers(t, `"type":"`+row[0]+`","variants":{"a~/b":`+row[1]+`},"default":{"variant":"a"}`)
		require.NotEmpty(t, got, row)
		got = pointers(t, `"type":"`+row[0]+`","variants":{"a":`+row[1]+`},"default":{"variant":"a"}`)
		assert.Contains(t, got, "/variants/a", row)
	}
}

func TestBadDefinitions(t *testing.T) {
	t.Parallel()
	users := make([]string, flag.MaxTargets+1)
	for i := range users {
		users[i] = strconv.Quote(strconv.Itoa(i))
	}
	var variants, rules []string
	for i := range 101 {
		variants = append(variants, fmt.Sprintf(`"v%d":"x"`, i))
		rules = append(rules, `{"variant":"on"}`)
	}
	for name, row := range map[string]struct {
		members string
		want    []string
	}{
		"unknown type":                {`"type":"text"`, []string{"/type"}},
		"no variants":                 {`"variants":{}`, []string{"/variants"}},
		"101 variants":                {`"type":"string","variants":{` + strings.Join(variants, ",") + `}`, []string{"/variants"}},
		"101 rules":                   {`"rules":[` + strings.Join(rules, ",") + `]`, []string{"/rules"}},
		"101 patterns":                {`"rules":[{"variant":"on","conditions":[{"attribute":"a","operator":"matches","values":[` + strings.Repeat(`"a",`, 100) + `"b"]}]}]`, []string{"/rules"}},
		"10,001 users":                {`"target_users":[` + strings.Join(users, ",") + `]`, []string{"/target_users"}},
		"an empty and a long user":    {`"target_users":["","` + strings.Repeat("x", 256) + `"]`, []string{"/target_users/0", "/target_users/1"}},
		"a user twice":                {`"target_users":["a","a"]`, []string{"/target_users/1"}},
		"no text as a user":           {`"target_users":[1]`, []string{"/target_users/0"}},
		"percentages out of bounds":   {`"rollout_percentage":100.1`, []string{"/rollout_percentage"}},
		"a negative percentage":       {`"rollout_percentage":-1`, []string{"/rollout_percentage"}},
		"a percentage over 100":       {`"rollout_percentage":100.00001`, []string{"/rollout_percentage"}},
		"unknown variants everywhere": {`"off_variant":"x","target_variant":"y","default":{"variant":"z"},"rules":[{"variant":"w"}]`, []string{"/off_variant", "/target_variant", "/rules/0/variant", "/default/variant"}},
		"weights that do not sum":     {`"default":{"allocation":{"on":500000,"off":499999}}`, []string{"/default/allocation"}},
		"a weight of another kind":    {`"default":{"allocation":{"on":0.5,"off":-1}}`, []string{"/default/allocation/on", "/default/allocation/off"}},
		"variant and allocation":      {`"default":{"variant":"on","allocation":{"on":1000000}}`, []string{"/default"}},
		"neither":                     {`"rules":[{"conditions":[]}]`, []string{"/rules/0"}},
		"a rule's id twice":           {`"rules":[{"id":"a","variant":"on"},{"id":"a","variant":"on"}]`, []string{"/rules/1/id"}},
		"a share without a variant":   {`"rules":[{"variant":"on","share":{"percentage":5,"outside":"variant"}}]`, []string{"/rules/0/share/variant"}},
		"an unknown outside":          {`"rules":[{"variant":"on","share":{"percentage":5,"outside":"else"}}]`, []string{"/rules/0/share/outside"}},
		"a share over 100":            {`"rules":[{"variant":"on","share":{"percentage":101}}]`, []string{"/rules/0/share/percentage"}},
		"a group with more":           {`"rules":[{"variant":"on","conditions":[{"any":[{"attribute":"a","operator":"exists"}],"negate":true}]}]`, []string{"/rules/0/conditions/0"}},
		"users of a text flag":        {`"type":"string","variants":{"a":"x"},"default":{"variant":"a"},"target_users":["u"]`, []string{"/target_variant"}},
		"a percentage of a text flag": {`"type":"string","variants":{"a":"x"},"rollout_percentage":5`, []string{"/rollout_percentage"}},
		"percentage against default":  {`"rollout_percentage":5,"default":{"variant":"on"}`, []string{"/rollout_percentage"}},
		"unknown members":             {`"colour":1,"size":2`, []string{"/colour", "/size"}},
		"members of another kind":     {`"is_enabled":"yes","rules":{},"default":[],"bucket_by":1`, []string{"/is_enabled", "/rules", "/default", "/bucket_by"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := pointers(t, row.members)
			for _, want := range row.want {
				assert.Contains(t, got, want)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()

	t.Run("the type never changes", func(t *testing.T) {
		t.Parallel()
		d := define(t, ``)
		_, err := d.Apply(change(t, `"type":"string"`))
		require.ErrorIs(t, err, fault.ErrInvalid)
		assert.Equal(t, d.JSON(), apply(t, d, `"type":"boolean"`).JSON())
	})

	t.Run("null and absent fields leave the flag as it is, the empty string unsets", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"off_variant":"off","bucket_by":"id"`)
		assert.Equal(t, d.JSON(), apply(t, d, `"off_variant":null`).JSON())
		assert.Contains(t, apply(t, d, `"off_variant":"","bucket_by":""`).JSON(), `"off_variant":null`)
	})

	t.Run("a variant that is still served cannot be taken away", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"type":"string","variants":{"a":"x","b":"y"},"default":{"variant":"a"},"rules":[{"variant":"b"}]`)
		_, err := d.Apply(change(t, `"variants":{"c":"z"}`))
		require.ErrorIs(t, err, fault.ErrInvalid)
		var got []string
		for _, f := range fault.Of(err).Fields() {
			got = append(got, f.Name)
		}
		assert.Equal(t, []string{"/rules/0/variant", "/default/variant"}, got)
	})

	t.Run("a definition can be written back as read, with one part changed", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"rollout_percentage":10`)
		assert.Equal(t, d.JSON(), apply(t, d, withoutSalt(d)).JSON())
		grown := strings.Replace(withoutSalt(d), `"rollout_percentage":10.0`, `"rollout_percentage":20`, 1)
		assert.Equal(t, uint32(200_000), apply(t, d, grown).RolloutPercentage())
		other := strings.Replace(withoutSalt(d), `{"off":900000,"on":100000}`, `{"off":700000,"on":300000}`, 1)
		assert.Equal(t, uint32(300_000), apply(t, d, other).RolloutPercentage())
	})

	t.Run("a rule keeps its keys by its id, also at another position", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"rules":[{"id":"r","allocation":{"on":100000,"off":900000}}]`)
		d = apply(t, d, `"rules":[{"id":"first","variant":"on"},{"id":"r","allocation":{"on":300000,"off":700000}}]`)
		d = apply(t, d, `"rules":[{"id":"r","allocation":{"on":200000,"off":800000}}]`)
		assert.Contains(t, d.JSON(), `"on":[[0,200000]]`)
	})

	t.Run("rules without an id get that of their position", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"rules":[{"variant":"on"},{"id":"x","variant":"off"}]`)
		assert.Contains(t, d.JSON(), `"id":"rule-1"`)
		d = apply(t, d, `"rules":[{"variant":"off"},{"variant":"on"},{"variant":"on"}]`)
		for _, id := range []string{"rule-1", "x", "rule-3"} {
			assert.Contains(t, d.JSON(), `"id":"`+id+`"`)
		}
	})

	t.Run("a fragmented allocation has to be repacked", func(t *testing.T) {
		t.Parallel()
		d := fragmented(t)
		next := change(t, `"default":{"allocation":{"a":499999,"b":500001}}`)
		_, err := d.Apply(next)
		require.ErrorIs(t, err, rollout.ErrFragmented)
		d = apply(t, d, `"default":{"allocation":{"a":499999,"b":500001}},"repack":true`)
		assert.Contains(t, d.JSON(), `"a":[[0,499999]]`)
	})
}

// fragmented returns a stored allocation of a thousand ranges.
func fragmented(tb testing.TB) *flag.Definition {
	tb.Helper()
	d := define(tb, `"type":"string","variants":{"a":"x","b":"y"},"default":{"allocation":{"a":500000,"b":500000}}`)
	ranges := map[string][]string{}
	for i := range 1000 {
		name := []string{"a", "b"}[i%2]
		ranges[name] = append(ranges[name], fmt.Sprintf("[%d,%d]", i*1000, (i+1)*1000))
	}
	text := strings.Replace(d.JSON(), `"ranges":{"a":[[0,500000]],"b":[[500000,1000000]]}`,
		`"ranges":{"a":[`+strings.Join(ranges["a"], ",")+`],"b":[`+strings.Join(ranges["b"], ",")+`]}`, 1)
	stored, err := flag.RehydrateDefinition([]byte(text))
	require.NoError(tb, err)
	return stored
}

// drawMembers draws a valid boolean flag.
func drawMembers(t *rapid.T) string {
	percent := rapid.Uint32Range(0, rollout.Buckets).Draw(t, "percentage")
	rules := rapid.SliceOfN(rapid.SampledFrom([]string{
		`{"variant":"on"}`, `{"variant":"off","conditions":[{"attribute":"plan","operator":"equals","values":["gold"]}]}`,
		`{"allocation":{"on":250000,"off":750000},"share":{"percentage":12.5}}`,
		`{"variant":"on","share":{"percentage":50,"outside":"variant","variant":"off"},"conditions":[{"attribute":"n","operator":"less","values":[1e3,2.50]}]}`,
		`{"variant":"off","conditions":[{"none":[{"any":[{"attribute":"plan","operator":"exists"}]}]}]}`,
	}), 0, 4).Draw(t, "rules")
	text := strings.ReplaceAll(strings.Join(rules, ","), `[1e3,2.50]`, `[1e3]`)
	return fmt.Sprintf(`"is_enabled":%t,"rollout_percentage":%s,"target_users":["u1","ü\"2"],"rules":[%s]`,
		rapid.Bool().Draw(t, "enabled"), flag.Percentage(percent), text)
}

// TestDefinitionsRoundTrip checks that the JSON has one form through stores and clients,
// along chains of changes.
func TestDefinitionsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		d := define(t, drawMembers(r))
		for range rapid.IntRange(0, 4).Draw(r, "changes") {
			d = apply(t, d, drawMembers(r))
			stored, err := flag.RehydrateDefinition([]byte(d.JSON()))
			require.NoError(t, err)
			require.Equal(t, d.JSON(), stored.JSON())
			require.Equal(t, d.JSON(), apply(t, d, withoutSalt(d)).JSON())
		}
	})
}

// FuzzDefinition checks that definitions do not panic, and have one form.
func FuzzDefinition(f *testing.F) {
	f.Add(`{"name":"a","rollout_percentage":12.5,"rules":[{"conditions":[{"any":[{"attribute":"a","operator":"in","values":[1,"x",true]}]}],"variant":"on","share":{"percentage":1}}]}`)
	f.Add(`{"type":"object","variants":{"a":{"b":[1e2,null,-0]}},"default":{"allocation":{"a":1000000},"ranges":{"a":[[0,1]]}}}`)
	f.Add(`{"rules":[{"allocation":{"on":1e6}}],"default":{"variant":"on","ranges":[]},"target_users":[null]}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := flag.ParseCreation(t.Context(), []byte(text))
		if err != nil {
			return
		}
		d, err := flag.Define(c, salt)
		if err != nil {
			return
		}
		stored, err := flag.RehydrateDefinition([]byte(d.JSON()))
		require.NoError(t, err)
		require.Equal(t, d.JSON(), stored.JSON())
		flag.Evaluate(compile(t, d), user("u"))
	})
}
