package flag_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

const gold = `"conditions":[{"attribute":"plan","operator":"equals","values":["gold"]}]`

func TestReasons(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		members string
		in      *targeting.Context
		variant string
		reason  flag.Reason
		rule    string
	}{
		"disabled":                     {`"target_users":["u"]`, user("u"), "", flag.Disabled, ""},
		"disabled with an off variant": {`"off_variant":"off"`, user("u"), "off", flag.Disabled, ""},
		"a target user":                {`"is_enabled":true,"rollout_percentage":0,"target_users":["u"]`, user("u"), "on", flag.TargetingMatch, ""},
		"a target variant":             {`"is_enabled":true,"target_users":["u"],"target_variant":"off"`, user("u"), "off", flag.TargetingMatch, ""},
		"not a target user":            {`"is_enabled":true,"rollout_percentage":0,"target_users":["u"]`, user("v"), "off", flag.Static, ""},
		"static":                       {`"is_enabled":true`, user(""), "on", flag.Static, ""},
		"a rule":                       {`"is_enabled":true,"rules":[{"id":"r",` + gold + `,"variant":"off"}]`, user("", "plan", "gold"), "off", flag.TargetingMatch, "r"},
		"no rule":                      {`"is_enabled":true,"rules":[{"id":"r",` + gold + `,"variant":"off"}]`, user(""), "on", flag.Default, ""},
		"targets come before rules":    {`"is_enabled":true,"target_users":["u"],"rules":[{"variant":"off"}]`, user("u"), "on", flag.TargetingMatch, ""},
		"the first rule wins":          {`"is_enabled":true,"rules":[{"id":"a","variant":"off"},{"id":"b","variant":"on"}]`, user(""), "off", flag.TargetingMatch, "a"},
		"no key for the default":       {`"is_enabled":true,"rollout_percentage":50`, user(""), "", flag.Missing, ""},
		"no key for a share":           {`"is_enabled":true,"rules":[{"id":"r","variant":"on","share":{"percentage":5}}]`, user(""), "", flag.Missing, "r"},
		"no key for a rule's split":    {`"is_enabled":true,"rules":[{"id":"r","allocation":{"on":1,"off":999999}}]`, user(""), "", flag.Missing, "r"},
		"no key is needed before":      {`"is_enabled":true,"rollout_percentage":50,"rules":[{"id":"r","variant":"on"}]`, user(""), "on", flag.TargetingMatch, "r"},
		"all inside a share":           {`"is_enabled":true,"rules":[{"id":"r","variant":"off","share":{"percentage":100}}]`, user("u"), "off", flag.TargetingMatch, "r"},
		"all outside fall through":     {`"is_enabled":true,"rules":[{"id":"r","variant":"off","share":{"percentage":0}}]`, user("u"), "on", flag.Default, ""},
		"all outside get a variant":    {`"is_enabled":true,"rules":[{"id":"r","variant":"on","share":{"percentage":0,"outside":"variant","variant":"off"}}]`, user("u"), "off", flag.Split, "r"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := flag.Evaluate(compile(t, define(t, row.members)), row.in)
			variant := ""
			if d.Variant != nil {
				variant = d.Variant.Name
			}
			assert.Equal(t, row.variant, variant)
			assert.Equal(t, row.reason, d.Reason)
			assert.Equal(t, row.rule, d.Rule)
			assert.Equal(t, scope.Version(3), d.Version)
			if row.reason == flag.Missing {
				require.ErrorIs(t, d.Err(), flag.ErrTargetingKeyMissing)
				return
			}
			require.NoError(t, d.Err())
		})
	}
}

func TestSplits(t *testing.T) {
	t.Parallel()

	t.Run("a split reports bucket and share, and serves about its share", func(t *testing.T) {
		t.Parallel()
		c := compile(t, define(t, `"is_enabled":true,"rollout_percentage":30`))
		on := 0
		for n := range 10_000 {
			d := flag.Evaluate(c, user("user-"+strconv.Itoa(n)))
			require.Equal(t, flag.Split, d.Reason)
			if d.Variant.On() {
				on++
				require.Equal(t, uint32(300_000), d.Share)
				require.Less(t, d.Bucket, uint32(300_000))
			}
		}
		assert.InDelta(t, 3000, on, 230)
	})

	t.Run("a number and the string of it are one user", func(t *testing.T) {
		t.Parallel()
		c := compile(t, define(t, `"is_enabled":true,"rollout_percentage":50`))
		for n := range 100 {
			for _, literal := range []string{strconv.Itoa(n), strconv.Itoa(n) + ".0", strconv.Itoa(n) + "0e-1"} {
				var set, inside targeting.Context
				set.SetKey(targeting.NumberValue(literal))
				inside.Add("targetingKey", targeting.NumberValue(literal))
				assert.Equal(t, served(c, user(strconv.Itoa(n))), served(c, &set), literal)
				assert.Equal(t, served(c, user(strconv.Itoa(n))), served(c, &inside), literal)
			}
		}
		c = compile(t, define(t, `"is_enabled":true,"rollout_percentage":0,"target_users":["42","9007199254740993"]`))
		for literal, want := range map[string]string{
			"42": "on", "42.0": "on", "4.2e1": "on", "42.5": "off", "9007199254740993": "on", "9007199254740992": "off",
		} {
			var in targeting.Context
			in.SetKey(targeting.NumberValue(literal))
			assert.Equal(t, want, served(c, &in), literal)
		}
	})

	t.Run("bucket_by takes another attribute, and its absence is an error", func(t *testing.T) {
		t.Parallel()
		c := compile(t, define(t, `"is_enabled":true,"rollout_percentage":50,"bucket_by":"company"`))
		for n := range 100 {
			company := "c" + strconv.Itoa(n)
			assert.Equal(t, served(c, user("x", "company", company)), served(c, user("y", "company", company)))
		}
		assert.Equal(t, "ERROR", served(c, user("x")))
	})

	t.Run("flags of one group bucket together, however they came there", func(t *testing.T) {
		t.Parallel()
		grown := define(t, `"is_enabled":true,"rollout_percentage":0,"rollout_group":"g"`)
		grown = apply(t, grown, `"rollout_percentage":50`)
		grown = apply(t, grown, `"rollout_percentage":10`)
		shrunk := apply(t, define(t, `"is_enabled":true,"rollout_group":"g"`), `"rollout_percentage":10`)
		alone := define(t, `"is_enabled":true,"rollout_percentage":10`)
		a, b, other, differ := compile(t, grown), compile(t, shrunk), compile(t, alone), 0
		for n := range 1000 {
			key := strconv.Itoa(n)
			assert.Equal(t, served(a, user(key)), served(b, user(key)))
			if served(a, user(key)) != served(other, user(key)) {
				differ++
			}
		}
		assert.Positive(t, differ)
	})

	t.Run("growing a share changes no split inside it", func(t *testing.T) {
		t.Parallel()
		members := func(share string) string {
			return `"type":"string","variants":{"a":"x","b":"y","none":""},"default":{"variant":"none"},"is_enabled":true,` +
				`"rules":[{"allocation":{"a":500000,"b":500000},"share":{"percentage":` + share + `}}]`
		}
		before, after := compile(t, define(t, members("20"))), compile(t, define(t, members("60")))
		for n := range 2000 {
			if was := served(before, user(strconv.Itoa(n))); was != "none" {
				assert.Equal(t, was, served(after, user(strconv.Itoa(n))))
			}
		}
	})
}

// TestGrowingKeepsEveryone raises a percentage in random steps and checks that every key
// that was on stays on.
func TestGrowingKeepsEveryone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		d := define(t, `"is_enabled":true,"rollout_percentage":0`)
		on := map[string]bool{}
		percent := uint32(0)
		for percent < rollout.Buckets {
			percent = rapid.Uint32Range(percent, rollout.Buckets).Draw(r, "percentage")
			percent = min(percent+50_000, rollout.Buckets)
			d = apply(t, d, `"rollout_percentage":`+flag.Percentage(percent))
			c := compile(t, d)
			for n := range 100 {
				key := strconv.Itoa(n)
				now := served(c, user(key)) == "on"
				require.False(t, on[key] && !now, "user %s was on and is off", key)
				on[key] = now
			}
		}
		for key, is := range on {
			require.True(t, is, key)
		}
	})
}

// TestTracesAgree compares the traced evaluation with the other.
func TestTracesAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		c := compile(t, define(t, drawMembers(r)))
		in := user(rapid.SampledFrom([]string{"", "u1", "u2", "u3", "x"}).Draw(r, "key"),
			"plan", rapid.SampledFrom([]string{"gold", "tin"}).Draw(r, "plan"))
		plain := flag.Evaluate(c, in)
		traced, steps := flag.EvaluateTraced(c, in)
		require.Equal(t, plain, traced)
		require.NotEmpty(t, steps)
		require.Equal(t, plain, flag.Evaluate(c, in), "twice")
	})
}

func TestSteps(t *testing.T) {
	t.Parallel()
	c := compile(t, define(t, `"is_enabled":true,"target_users":["vip"],"rollout_percentage":50,"rules":[`+
		`{"id":"gold",`+gold+`,"variant":"off"},{"id":"some","variant":"off","share":{"percentage":0}}]`))
	d, steps := flag.EvaluateTraced(c, user("u", "plan", "tin"))
	require.Len(t, steps, 5)
	var kinds []flag.StepKind
	for _, s := range steps {
		kinds = append(kinds, s.Kind)
	}
	assert.Equal(t, []flag.StepKind{
		flag.StepTargets, flag.StepConditions, flag.StepConditions, flag.StepShare, flag.StepServe,
	}, kinds)
	seen := steps[1].Conditions[0]
	assert.Equal(t, targeting.TextValue("tin"), seen.Seen)
	assert.Equal(t, "/0", seen.Pointer)
	assert.False(t, seen.Held)
	assert.Equal(t, rollout.Range{}, steps[3].Range)
	assert.Equal(t, d.Bucket, steps[4].Bucket)
	assert.GreaterOrEqual(t, d.Bucket, steps[4].Range.Lo)
	assert.Less(t, d.Bucket, steps[4].Range.Hi)
}

// benchmarked are the flags whose evaluation has goals.
func benchmarked(tb testing.TB) map[string]*flag.Compiled {
	tb.Helper()
	list := make([]string, flag.MaxTargets)
	for n := range list {
		list[n] = `"user` + strconv.Itoa(n) + `"`
	}
	users := strings.Join(list, ",")
	return map[string]*flag.Compiled{
		"static": compile(tb, define(tb, `"is_enabled":true`)),
		"target": compile(tb, define(tb, `"is_enabled":true,"target_users":[`+users+`]`)),
		"rules-5": compile(tb, define(tb, `"is_enabled":true,"rollout_percentage":50,"rules":[`+
			`{"conditions":[{"attribute":"plan","operator":"in","values":["silver","platinum"]}],"variant":"off"},`+
			`{"conditions":[{"attribute":"version","operator":"semver_greater","values":["3.0.0"]}],"variant":"off"},`+
			`{"conditions":[{"attribute":"country","operator":"equals","values":["FR"],"ignore_case":true}],"variant":"off"},`+
			`{"conditions":[{"attribute":"age","operator":"greater","values":[65]}],"variant":"off"},`+
			`{"conditions":[{"attribute":"email","operator":"ends_with","values":["@example.org"]}],"variant":"off"}]`)),
	}
}

func benchmarkContext() *targeting.Context {
	in := user("user123", "plan", "gold", "version", "2.3.4", "country", "de", "email", "user123@example.com")
	in.Add("age", targeting.NumberValue("41"))
	return in
}

func TestEvaluationHardlyAllocates(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of all goroutines
	in := benchmarkContext()
	for name, c := range benchmarked(t) {
		most := map[string]float64{"rules-5": 2}[name]
		got := testing.AllocsPerRun(1000, func() { flag.Evaluate(c, in) })
		assert.LessOrEqual(t, got, most, name)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	in := benchmarkContext()
	for name, c := range benchmarked(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				flag.Evaluate(c, in)
			}
		})
	}
}
