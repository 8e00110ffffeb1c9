package targeting_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// conditionOn returns one condition on attribute a.
func conditionOn(tb testing.TB, s targeting.Spec) []targeting.Condition {
	tb.Helper()
	s.Attribute = "a"
	conditions, err := targeting.NewConditions([]targeting.Spec{s})
	require.NoError(tb, err)
	return conditions
}

// with returns a context with the scalar attribute a.
func with(v targeting.Value) *targeting.Context {
	c := &targeting.Context{}
	c.Add("a", v)
	return c
}

// listing returns a context with the list attribute a.
func listing(values ...targeting.Value) *targeting.Context {
	c := &targeting.Context{}
	c.Open("a", targeting.Array)
	for _, v := range values {
		c.Add("", v)
	}
	c.Close()
	return c
}

func TestTextsThatAreTooLong(t *testing.T) {
	t.Parallel()
	text := func(size int) targeting.Value { return targeting.TextValue(strings.Repeat("x", size)) }
	values := map[targeting.Operator]targeting.Value{ //nolint:exhaustive // those that search a string
		targeting.Matches: targeting.TextValue("y"), targeting.Contains: targeting.TextValue("y"),
		targeting.StartsWith: targeting.TextValue("y"), targeting.EndsWith: targeting.TextValue("y"),
		targeting.SemverLess: targeting.TextValue("1.0.0"), targeting.InCIDR: targeting.TextValue("10.0.0.0/8"),
		targeting.Before: targeting.TextValue("2026-01-31T12:00:00Z"),
	}
	for operator, value := range values {
		for _, negate := range []bool{false, true} {
			conditions := conditionOn(t, targeting.Spec{Operator: operator, Values: []targeting.Value{value}, Negate: negate})
			in := with(text(targeting.MaxSeenBytes))
			assert.Equal(t, negate, targeting.Hold(conditions, in), operator)
			assert.Equal(t, targeting.Sound, in.Failure(), operator)
			in = with(text(targeting.MaxSeenBytes + 1))
			targeting.Hold(conditions, in)
			assert.Equal(t, targeting.TooLarge, in.Failure(), operator)
			in.Begin()
			assert.Equal(t, targeting.Sound, in.Failure(), "the next flag does not read it")
		}
	}

	t.Run("for equality they are compared at any length", func(t *testing.T) {
		t.Parallel()
		for _, operator := range []targeting.Operator{targeting.Equals, targeting.In} {
			for _, fold := range []bool{false, true} {
				conditions := conditionOn(t, targeting.Spec{
					Operator: operator, Values: []targeting.Value{text(60_000)}, IgnoreCase: fold,
				})
				for size, want := range map[int]bool{60_000: true, 59_999: false, 60_001: false, 120_000: false} {
					in := with(text(size))
					assert.Equal(t, want, targeting.Hold(conditions, in))
					assert.Equal(t, targeting.Sound, in.Failure())
				}
			}
		}
		kelvins := strings.Repeat("\u212a", 1000) // three bytes each, which become one
		conditions := conditionOn(t, targeting.Spec{
			Operator: targeting.In, Values: []targeting.Value{targeting.TextValue(strings.Repeat("k", 1000))}, IgnoreCase: true,
		})
		assert.True(t, targeting.Hold(conditions, with(targeting.TextValue(kelvins))))
	})

	t.Run("numbers are parsed", func(t *testing.T) {
		t.Parallel()
		for _, operator := range []targeting.Operator{targeting.Equals, targeting.In, targeting.Greater} {
			conditions := conditionOn(t, targeting.Spec{Operator: operator, Values: []targeting.Value{targeting.NumberValue("1")}})
			in := with(targeting.NumberValue("1" + strings.Repeat("0", targeting.MaxSeenBytes)))
			targeting.Hold(conditions, in)
			assert.Equal(t, targeting.TooLarge, in.Failure(), operator)
		}
	})

	t.Run("what no condition comes to may be of any length", func(t *testing.T) {
		t.Parallel()
		long := targeting.Spec{Attribute: "a", Operator: targeting.Matches, Values: []targeting.Value{targeting.TextValue("y")}}
		never := targeting.Spec{Attribute: "b", Operator: targeting.Exists}
		conditions, err := targeting.NewConditions([]targeting.Spec{never, long})
		require.NoError(t, err)
		in := with(text(120_000))
		assert.False(t, targeting.Hold(conditions, in))
		assert.Equal(t, targeting.Sound, in.Failure())
		always := targeting.Spec{Attribute: "a", Operator: targeting.Exists}
		conditions, err = targeting.NewConditions([]targeting.Spec{{Group: targeting.NoneOf, Members: []targeting.Spec{long}}, always})
		require.NoError(t, err)
		assert.False(t, targeting.Hold(conditions, in), "an error is no answer, also where it is turned around")
		assert.Equal(t, targeting.TooLarge, in.Failure())
	})
}

func TestListsThatAreTooLong(t *testing.T) {
	t.Parallel()
	conditions := conditionOn(t, targeting.Spec{Operator: targeting.Contains, Values: []targeting.Value{targeting.NumberValue("0")}})
	list := make([]targeting.Value, targeting.MaxElements+1)
	for i := range list {
		list[i] = targeting.NumberValue(strconv.Itoa(i))
	}
	in := listing(list[1:]...)
	assert.False(t, targeting.Hold(conditions, in))
	assert.Equal(t, targeting.Sound, in.Failure())
	in = listing(list...)
	assert.False(t, targeting.Hold(conditions, in), "not even where the first would do")
	assert.Equal(t, targeting.TooLarge, in.Failure())

	t.Run("elements of elements are not counted", func(t *testing.T) {
		t.Parallel()
		in := &targeting.Context{}
		in.Open("a", targeting.Array)
		in.Add("", targeting.NumberValue("0"))
		in.Open("", targeting.Array)
		for range targeting.MaxElements + 1 {
			in.Add("", targeting.NumberValue("1"))
		}
		in.Close()
		in.Close()
		assert.True(t, targeting.Hold(conditions, in))
		assert.Equal(t, targeting.Sound, in.Failure())
	})
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	hard := conditionOn(t, targeting.Spec{Operator: targeting.Matches, Values: []targeting.Value{
		targeting.TextValue(`(x+x+)+y`), targeting.TextValue(`^(a?){400}a{400}$`),
	}})
	text := targeting.TextValue(strings.Repeat("x", targeting.MaxSeenBytes))

	t.Run("much work checks it, and ends with an error that stays", func(t *testing.T) {
		t.Parallel()
		in := with(text)
		in.Until(over)
		assert.False(t, targeting.Hold(hard, in))
		assert.Equal(t, targeting.TooLate, in.Failure())
		in.Begin()
		assert.Equal(t, targeting.TooLate, in.Failure())
		in.Reset()
		assert.Equal(t, targeting.Sound, in.Failure())
	})
	t.Run("little work does not", func(t *testing.T) {
		t.Parallel()
		in := with(targeting.TextValue("gold"))
		in.Until(over)
		easy := conditionOn(t, targeting.Spec{Operator: targeting.Equals, Values: []targeting.Value{targeting.TextValue("gold")}})
		assert.True(t, targeting.Hold(easy, in))
	})
	t.Run("many conditions do, whatever they are, and flags too", func(t *testing.T) {
		t.Parallel()
		easy := conditionOn(t, targeting.Spec{Operator: targeting.Exists})
		in := with(targeting.TextValue("gold"))
		in.Until(over)
		for n := 0; in.Failure() == targeting.Sound; n++ {
			require.Less(t, n, 1_000_000)
			targeting.Hold(easy, in)
		}
		in.Reset()
		in.Until(over)
		for n := 0; in.Failure() == targeting.Sound; n++ {
			require.Less(t, n, 1_000_000)
			in.Begin()
		}
	})
	t.Run("before their end they change nothing", func(t *testing.T) {
		t.Parallel()
		in := with(text)
		in.Until(t.Context())
		assert.False(t, targeting.Hold(hard, in))
		assert.Equal(t, targeting.Sound, in.Failure())
	})
}

func TestSetsCompareAsValuesDo(t *testing.T) {
	t.Parallel()
	scalar := rapid.OneOf(
		rapid.Map(rapid.SampledFrom([]string{
			"0", "-0", "0.0", "1", "1.0", "10e-1", "1e0", "100", "1e2", "1E+2", "0.1", "1e-1", "-1", "-1.00", "1e999999999999",
			"1e1000000000000", "12345678901234567890", "12345678901234567890.0", "2", "3", "4", "5", "6",
		}), targeting.NumberValue),
		rapid.Map(rapid.SampledFrom([]string{
			"", "a", "A", "ä", "Ä", "K", "k", "\u212a", "ß", "ẞ", "İ", "i̇", "1", "true", "gold", "Gold", "x", "y", "z",
		}), targeting.TextValue),
		rapid.Map(rapid.Bool(), targeting.BoolValue),
	)
	rapid.Check(t, func(rt *rapid.T) {
		values := rapid.SliceOfN(scalar, 1, 60).Draw(rt, "values")
		seen := rapid.SliceOfN(scalar, 0, 5).Draw(rt, "seen")
		fold := rapid.Bool().Draw(rt, "ignore case")
		// One condition with all values, and one for each of them, which needs no set.
		one := func(operator targeting.Operator, values ...targeting.Value) []targeting.Condition {
			return conditionOn(t, targeting.Spec{Operator: operator, Values: values, IgnoreCase: fold})
		}
		each := func(operator targeting.Operator, in *targeting.Context) bool {
			return slices.ContainsFunc(values, func(v targeting.Value) bool { return targeting.Hold(one(operator, v), in) })
		}
		for _, v := range seen {
			in := with(v)
			assert.Equal(rt, each(targeting.In, in), targeting.Hold(one(targeting.In, values...), in), v)
		}
		in := listing(seen...)
		assert.Equal(rt, each(targeting.Contains, in), targeting.Hold(one(targeting.Contains, values...), in))
	})
}

func TestCheckPatterns(t *testing.T) {
	t.Parallel()
	check := func(patterns ...string) (int, error) {
		var values []targeting.Value
		for _, p := range patterns {
			values = append(values, targeting.TextValue(p))
		}
		matching := targeting.Spec{Attribute: "a", Operator: targeting.Matches, Values: values}
		conditions, err := targeting.NewConditions([]targeting.Spec{
			{Attribute: "a", Operator: targeting.Exists},
			{Group: targeting.AnyOf, Members: []targeting.Spec{matching}},
		})
		require.NoError(t, err, "a stored pattern is evaluated as it is")
		return targeting.CheckPatterns(conditions)
	}
	for _, fits := range []string{
		"a", "", strings.Repeat("x", 1024), strings.Repeat("x?", 512), strings.Repeat("(a)", 341), strings.Repeat("a|", 512),
		strings.Repeat(`\pL`, 341), strings.Repeat("[a-z]+", 170), "^[a-z0-9._%+-]{1,64}@[a-z0-9.-]{1,255}$", "a{1000}",
	} {
		size, err := check(fits)
		require.NoError(t, err, fits)
		assert.Positive(t, size)
	}
	_, err := check("a", "(ab?c?){500}")
	require.ErrorIs(t, err, fault.ErrInvalid)
	assert.Equal(t, "/1/any/0/values/1", fault.Of(err).Fields()[0].Name)
	one, err := check("abc")
	require.NoError(t, err)
	three, err := check("abc", "abc", "abc")
	require.NoError(t, err)
	assert.Equal(t, 3*one, three)
}
