package targeting_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// contextOf builds a context from JSON.
func contextOf(tb testing.TB, text string) *targeting.Context {
	tb.Helper()
	var c targeting.Context
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	_, err := d.Token()
	require.NoError(tb, err)
	fill(tb, &c, d, true)
	return &c
}

// fill adds the content of the object or array that was begun, up to its end.
func fill(tb testing.TB, c *targeting.Context, d *json.Decoder, object bool) {
	tb.Helper()
	for d.More() {
		name := ""
		if object {
			token, err := d.Token()
			require.NoError(tb, err)
			name = token.(string)
		}
		token, err := d.Token()
		require.NoError(tb, err)
		switch v := token.(type) {
		case json.Delim:
			kind := map[json.Delim]targeting.Kind{'{': targeting.Object, '[': targeting.Array}[v]
			c.Open(name, kind)
			fill(tb, c, d, v == '{')
			c.Close()
		case string:
			c.Add(name, targeting.TextValue(v))
		case json.Number:
			c.Add(name, targeting.NumberValue(v.String()))
		case bool:
			c.Add(name, targeting.BoolValue(v))
		case nil:
			c.Add(name, targeting.Value{Kind: targeting.Null})
		}
	}
	_, err := d.Token()
	require.NoError(tb, err)
}

func text(s string) []targeting.Value { return []targeting.Value{targeting.TextValue(s)} }

func number(s string) []targeting.Value { return []targeting.Value{targeting.NumberValue(s)} }

// holds reports whether one condition matches a context.
func holds(tb testing.TB, in string, s targeting.Spec) bool {
	tb.Helper()
	conditions, err := targeting.NewConditions([]targeting.Spec{s})
	require.NoError(tb, err)
	return targeting.Hold(conditions, contextOf(tb, in))
}

func TestOperators(t *testing.T) {
	t.Parallel()
	both := append(text("1"), append(number("1"), targeting.BoolValue(true))...)
	for _, row := range []struct {
		operator targeting.Operator
		values   []targeting.Value
		yes, no  []string
	}{
		{targeting.Equals, text("a"), []string{`"a"`}, []string{`"A"`, `1`, `true`, `null`, `["a"]`, `{"a":1}`}},
		{targeting.Equals, number("1"), []string{`1`, `1.0`, `10e-1`, `0.1e1`}, []string{`"1"`, `true`, `2`, `-1`}},
		{targeting.Equals, number("9007199254740993"), []string{`9007199254740993`}, []string{`9007199254740992`}},
		{targeting.Equals, number("0"), []string{`0`, `-0`, `0.0`, `0e9`}, []string{`1e-400`, `false`, `""`}},
		{targeting.In, both, []string{`"1"`, `1.00`, `true`}, []string{`"true"`, `false`, `2`, `null`}},
		{targeting.StartsWith, text("ab"), []string{`"abc"`, `"ab"`}, []string{`"xab"`, `12`, `["ab"]`}},
		{targeting.EndsWith, text("@x.org"), []string{`"me@x.org"`}, []string{`"me@x.org "`, `true`}},
		{targeting.Contains, text("b"), []string{`"abc"`, `["a","b"]`}, []string{`"ac"`, `["ab"]`, `[["b"]]`, `{"b":"b"}`}},
		{targeting.Contains, number("1"), []string{`[2,1.0]`}, []string{`"1"`, `1`, `["1"]`}},
		{targeting.Matches, text(`^a+$`), []string{`"aaa"`}, []string{`"ab"`, `1`}},
		{targeting.Greater, number("1e2"), []string{`100.1`, `1e400`}, []string{`100`, `"200"`, `-1e400`}},
		{targeting.GreaterOrEqual, number("-1"), []string{`-1.0`, `0`}, []string{`-1.1`, `null`}},
		{targeting.Less, number("9007199254740993"), []string{`9007199254740992`}, []string{`9007199254740993`, `9007199254740994`}},
		{targeting.LessOrEqual, number("0.1"), []string{`0.10`, `1e-1`, `-5`}, []string{`0.1000000000000000000001`}},
		{
			targeting.Before, text("2026-01-31T12:00:00Z"),
			[]string{`"2026-01-31T12:59:59+01:00"`, `"2020-01-01T00:00:00.5Z"`},
			[]string{`"2026-01-31T12:00:00Z"`, `"2026-01-31"`, `1`, `"yesterday"`},
		},
		{targeting.After, text("2026-01-31T12:00:00Z"), []string{`"2026-01-31T12:00:00.000001Z"`}, []string{`"2026-01-31T12:00:00Z"`}},
		{targeting.SemverEqual, text("1.2.3"), []string{`"1.2.3"`, `"1.2.3+build"`, `"v1.2.3"`}, []string{`"1.2.3-rc"`, `"1.2"`, `1.2`}},
		{targeting.SemverGreater, text("1.9.0"), []string{`"1.10.0"`, `"2.0.0-rc.1"`}, []string{`"1.9.0"`, `"1.9.0-rc"`, `"01.10.0"`}},
		{targeting.SemverLess, text("1.0.0"), []string{`"1.0.0-rc.1"`, `"0.99.99"`}, []string{`"1.0.0"`, `""`}},
		{
			targeting.InCIDR, append(text("10.0.0.0/8"), targeting.TextValue("2001:db8::/32")),
			[]string{`"10.1.2.3"`, `"::ffff:10.1.2.3"`, `"2001:db8::1"`},
			[]string{`"11.0.0.1"`, `"10.1.2"`, `"localhost"`, `10`},
		},
		{targeting.Exists, nil, []string{`null`, `false`, `""`, `[]`, `{}`}, nil},
	} {
		t.Run(string(row.operator), func(t *testing.T) {
			t.Parallel()
			s := targeting.Spec{Attribute: "a", Operator: row.operator, Values: row.values}
			negated := s
			negated.Negate = true
			for _, value := range row.yes {
				assert.True(t, holds(t, `{"a":`+value+`}`, s), value)
				assert.False(t, holds(t, `{"a":`+value+`}`, negated), value)
			}
			for _, value := range row.no {
				assert.False(t, holds(t, `{"a":`+value+`}`, s), value)
				assert.True(t, holds(t, `{"a":`+value+`}`, negated), value)
			}
			assert.False(t, holds(t, `{}`, s), "absent")
			assert.True(t, holds(t, `{}`, negated), "absent")
		})
	}
}

func TestIgnoringCase(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		operator  targeting.Operator
		value, in string
	}{
		{targeting.Equals, "GOLD", "Gold"},
		{targeting.In, "gold", "GOLD"},
		{targeting.StartsWith, "Gö", "GÖLD"},
		{targeting.EndsWith, "LD", "gold"},
		{targeting.Contains, "OL", "gold"},
		{targeting.Matches, "^G.LD$", "gold"},
	} {
		s := targeting.Spec{Attribute: "a", Operator: row.operator, Values: text(row.value)}
		assert.False(t, holds(t, `{"a":"`+row.in+`"}`, s), row.operator)
		s.IgnoreCase = true
		assert.True(t, holds(t, `{"a":"`+row.in+`"}`, s), row.operator)
	}
	many := targeting.Spec{Attribute: "a", Operator: targeting.In, IgnoreCase: true}
	for i := range 100 {
		many.Values = append(many.Values, targeting.TextValue("User"+strconv.Itoa(i)))
	}
	assert.True(t, holds(t, `{"a":"uSER99"}`, many))
	assert.False(t, holds(t, `{"a":"user100"}`, many))
}

func TestGroups(t *testing.T) {
	t.Parallel()
	has := func(name string) targeting.Spec { return targeting.Spec{Attribute: name, Operator: targeting.Exists} }
	group := func(g targeting.Group, members ...targeting.Spec) targeting.Spec {
		return targeting.Spec{Group: g, Members: members}
	}
	for _, row := range []struct {
		group targeting.Group
		in    string
		want  bool
	}{
		{targeting.AnyOf, `{"a":1}`, true},
		{targeting.AnyOf, `{}`, false},
		{targeting.AllOf, `{"a":1,"b":1}`, true},
		{targeting.AllOf, `{"a":1}`, false},
		{targeting.NoneOf, `{}`, true},
		{targeting.NoneOf, `{"b":1}`, false},
	} {
		assert.Equal(t, row.want, holds(t, row.in, group(row.group, has("a"), has("b"))), "%s %s", row.group, row.in)
	}
	nested := has("a")
	for range targeting.MaxDepth {
		nested = group(targeting.NoneOf, nested)
	}
	assert.False(t, holds(t, `{"a":1}`, nested))
	_, err := targeting.NewConditions([]targeting.Spec{group(targeting.AnyOf, nested)})
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestBadConditions(t *testing.T) {
	t.Parallel()
	good := targeting.Spec{Attribute: "a", Operator: targeting.Exists}
	for name, row := range map[string]struct {
		spec    targeting.Spec
		pointer string
	}{
		"no attribute":           {targeting.Spec{Operator: targeting.Exists}, "/0/attribute"},
		"a long attribute":       {targeting.Spec{Attribute: strings.Repeat("a", 256), Operator: targeting.Exists}, "/0/attribute"},
		"no operator":            {targeting.Spec{Attribute: "a"}, "/0/operator"},
		"values for exists":      {targeting.Spec{Attribute: "a", Operator: targeting.Exists, Values: text("x")}, "/0/values"},
		"no value":               {targeting.Spec{Attribute: "a", Operator: targeting.Equals}, "/0/values"},
		"two values for greater": {targeting.Spec{Attribute: "a", Operator: targeting.Greater, Values: append(number("1"), number("2")...)}, "/0/values"},
		"a text for greater":     {targeting.Spec{Attribute: "a", Operator: targeting.Greater, Values: text("1")}, "/0/values/0"},
		"a number for matches":   {targeting.Spec{Attribute: "a", Operator: targeting.Matches, Values: number("1")}, "/0/values/0"},
		"null":                   {targeting.Spec{Attribute: "a", Operator: targeting.Equals, Values: []targeting.Value{{Kind: targeting.Null}}}, "/0/values/0"},
		"a broken pattern":       {targeting.Spec{Attribute: "a", Operator: targeting.Matches, Values: text("(")}, "/0/values/0"},
		"a long pattern":         {targeting.Spec{Attribute: "a", Operator: targeting.Matches, Values: text(strings.Repeat("a", 1025))}, "/0/values/0"},
		"a date without a time":  {targeting.Spec{Attribute: "a", Operator: targeting.Before, Values: text("2026-01-31")}, "/0/values/0"},
		"a version that is none": {targeting.Spec{Attribute: "a", Operator: targeting.SemverLess, Values: text("1.2.x")}, "/0/values/0"},
		"an address, no network": {targeting.Spec{Attribute: "a", Operator: targeting.InCIDR, Values: text("10.0.0")}, "/0/values/0"},
		"case of numbers":        {targeting.Spec{Attribute: "a", Operator: targeting.Less, Values: number("1"), IgnoreCase: true}, "/0/ignore_case"},
		"an empty group":         {targeting.Spec{Group: targeting.AnyOf}, "/0/any"},
		"a bad member of a group": {
			targeting.Spec{Group: targeting.AllOf, Members: []targeting.Spec{good, {Operator: targeting.Exists}}}, "/0/all/1/attribute",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := targeting.NewConditions([]targeting.Spec{row.spec})
			require.ErrorIs(t, err, fault.ErrInvalid)
			assert.Equal(t, row.pointer, fault.Of(err).Fields()[0].Name)
		})
	}
	many := make([]targeting.Spec, targeting.MaxConditions+1)
	for i := range many {
		many[i] = good
	}
	_, err := targeting.NewConditions(many)
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	c := contextOf(t, `{"a":{"b":{"c":1}},"a.b":"literal","x.y":2,"l":[{"b":1}],"n":null}`)
	for attribute, want := range map[string]targeting.Value{
		"a.b":   targeting.TextValue("literal"),
		"a.b.c": targeting.NumberValue("1"),
		"x.y":   targeting.NumberValue("2"),
		"n":     {Kind: targeting.Null},
		"l":     {Kind: targeting.Array},
		"a":     {Kind: targeting.Object},
		"l.b":   {}, "a.b.c.d": {}, "": {}, "n.x": {}, "z": {}, "a..c": {},
	} {
		assert.Equal(t, want, c.Lookup(attribute), attribute)
	}
}

func TestTargetingKey(t *testing.T) {
	t.Parallel()
	c := contextOf(t, `{"targetingKey":"inside"}`)
	assert.Equal(t, targeting.TextValue("inside"), c.Key())
	c.SetKey(targeting.NumberValue("1"))
	assert.Equal(t, targeting.TextValue("1"), c.Key(), "a number is the string of it")
	assert.Equal(t, targeting.NumberValue("1"), c.Lookup("targetingKey"))
	c.Reset()
	assert.Equal(t, targeting.Value{}, c.Key())
}

func TestBucketKeys(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, v := range []targeting.Value{
		targeting.TextValue("1"), targeting.NumberValue("1"), targeting.TextValue("true"), targeting.BoolValue(true),
	} {
		key, ok := v.BucketKey()
		require.True(t, ok)
		seen[fmt.Sprint(key)] = true
	}
	assert.Len(t, seen, 4)
	for _, literal := range []string{"1.0", "10e-1", "0.1E1", "1"} {
		key, _ := targeting.NumberValue(literal).BucketKey()
		assert.Equal(t, "1", key.Text)
	}
	for _, v := range []targeting.Value{{}, targeting.TextValue(""), {Kind: targeting.Null}, {Kind: targeting.Array}} {
		_, ok := v.BucketKey()
		assert.False(t, ok, v)
	}
}

// TestLargeContexts compares the index with a linear search, for contexts that grow past
// its bound at every kind of position.
func TestLargeContexts(t *testing.T) {
	t.Parallel()
	for before := range 70 {
		var b strings.Builder
		b.WriteString(`{"deep":{"list":[1,{"in":"list"}]`)
		for i := range before {
			fmt.Fprintf(&b, `,"d%d":%d`, i, i)
		}
		b.WriteString(`,"inner":{"x":"found"}}`)
		for i := range 70 - before {
			fmt.Fprintf(&b, `,"t%d":{"v":%d}`, i, i)
		}
		b.WriteString(`,"last":true}`)
		c := contextOf(t, b.String())
		assert.Equal(t, targeting.TextValue("found"), c.Lookup("deep.inner.x"))
		assert.Equal(t, targeting.BoolValue(true), c.Lookup("last"))
		assert.Equal(t, targeting.Value{}, c.Lookup("in"))
		assert.Equal(t, targeting.Value{}, c.Lookup("deep.in"))
		for i := range before {
			assert.Equal(t, targeting.NumberValue(strconv.Itoa(i)), c.Lookup("deep.d"+strconv.Itoa(i)))
		}
		for i := range 70 - before {
			assert.Equal(t, targeting.NumberValue(strconv.Itoa(i)), c.Lookup("t"+strconv.Itoa(i)+".v"))
		}
	}
}

// TestPrecedenceOfVersions is the example of Semantic Versioning 2.0.0, section 11.
func TestPrecedenceOfVersions(t *testing.T) {
	t.Parallel()
	ordered := []string{
		"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
		"1.0.0", "2.0.0", "2.1.0", "2.1.1", "2.1.99999999999999999999",
	}
	for i, low := range ordered {
		for j, high := range ordered {
			s := targeting.Spec{Attribute: "v", Operator: targeting.SemverLess, Values: text(high)}
			assert.Equal(t, i < j, holds(t, `{"v":"`+low+`"}`, s), "%s < %s", low, high)
		}
	}
}

// TestNumbersCompareExactly compares comparison with that of math/big.
func TestNumbersCompareExactly(t *testing.T) {
	t.Parallel()
	literal := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(r *rapid.T) {
		a, b := literal.Draw(r, "a"), literal.Draw(r, "b")
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		order := x.Cmp(y)
		for _, row := range []struct {
			operator targeting.Operator
			want     bool
		}{
			{targeting.Less, order < 0},
			{targeting.LessOrEqual, order <= 0},
			{targeting.Equals, order == 0},
			{targeting.GreaterOrEqual, order >= 0},
			{targeting.Greater, order > 0},
		} {
			s := targeting.Spec{Attribute: "n", Operator: row.operator, Values: number(b)}
			require.Equal(t, row.want, holds(t, `{"n":`+a+`}`, s), "%s %s %s", a, row.operator, b)
		}
		first, _ := targeting.NumberValue(a).BucketKey()
		second, _ := targeting.NumberValue(b).BucketKey()
		require.Equal(t, order == 0, first == second, "%s and %s", a, b)
	})
}

// FuzzComparisons checks that no operator panics on any string.
func FuzzComparisons(f *testing.F) {
	f.Add("1.2.3-rc.1+b", "1.2.3")
	f.Add("10.0.0.0/8", "::ffff:10.0.0.1%eth0")
	f.Add("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+24:00")
	f.Fuzz(func(_ *testing.T, value, seen string) {
		var c targeting.Context
		c.Add("a", targeting.TextValue(seen))
		for _, operator := range targeting.Operators() {
			s := targeting.Spec{Attribute: "a", Operator: operator, Values: text(value)}
			if conditions, err := targeting.NewConditions([]targeting.Spec{s}); err == nil {
				targeting.Hold(conditions, &c)
			}
		}
	})
}
