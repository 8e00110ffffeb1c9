package targeting_test

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// specOf returns a condition on the attribute a.
func specOf(o targeting.Operator, values ...string) targeting.Spec {
	s := targeting.Spec{Attribute: "a", Operator: o}
	for _, v := range values {
		s.Values = append(s.Values, targeting.TextValue(v))
	}
	return s
}

// valid reports whether a condition is taken.
func valid(s targeting.Spec) bool {
	_, err := targeting.NewConditions([]targeting.Spec{s})
	return err == nil
}

// TestNoOperatorCoerces checks that every operator matches only the kinds of value that
// it is for.
func TestNoOperatorCoerces(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"null": `null`, "boolean": `true`, "number": `1`, "plain text": `"x"`, "number as a text": `"1"`, "boolean as a text": `"true"`,
		"version": `"1.2.3"`, "time": `"2026-01-31T12:00:00Z"`, "address": `"10.0.0.1"`, "array": `["x"]`, "object": `{"x":"x"}`,
		"array of numbers": `[1]`, "empty text": `""`,
	}
	numeric := number("1")
	for _, row := range []struct {
		spec targeting.Spec
		want string
	}{
		{specOf(targeting.Equals, "x"), "plain text"},
		{targeting.Spec{Operator: targeting.Equals, Values: numeric}, "number"},
		{targeting.Spec{Operator: targeting.Equals, Values: []targeting.Value{targeting.BoolValue(true)}}, "boolean"},
		{targeting.Spec{Operator: targeting.In, Values: append(text("x"), numeric...)}, "number plain text"},
		{specOf(targeting.StartsWith, "x", "t"), "boolean as a text plain text"},
		{specOf(targeting.EndsWith, ".1", "Z"), "address time"},
		{specOf(targeting.Contains, "x"), "array plain text"},
		{targeting.Spec{Operator: targeting.Contains, Values: numeric}, "array of numbers"},
		{specOf(targeting.Matches, `^\d$`), "number as a text"},
		{targeting.Spec{Operator: targeting.Greater, Values: number("0")}, "number"},
		{targeting.Spec{Operator: targeting.GreaterOrEqual, Values: numeric}, "number"},
		{targeting.Spec{Operator: targeting.Less, Values: number("2")}, "number"},
		{targeting.Spec{Operator: targeting.LessOrEqual, Values: numeric}, "number"},
		{specOf(targeting.Before, "2027-01-01T00:00:00Z"), "time"},
		{specOf(targeting.After, "2025-01-01T00:00:00Z"), "time"},
		{specOf(targeting.SemverEqual, "1.2.3"), "version"},
		{specOf(targeting.SemverGreater, "0.0.1"), "number as a text version"},
		{specOf(targeting.SemverLess, "9.0.0"), "number as a text version"},
		{specOf(targeting.InCIDR, "0.0.0.0/0"), "address"},
	} {
		row.spec.Attribute = "a"
		var held []string
		for _, name := range sortedNames(values) {
			if holds(t, `{"a":`+values[name]+`}`, row.spec) {
				held = append(held, name)
			}
		}
		assert.Equal(t, row.want, strings.Join(held, " "), row.spec)
	}
}

func sortedNames(of map[string]string) []string {
	var names []string
	for _, name := range []string{
		"address", "array", "array of numbers", "boolean", "boolean as a text", "empty text", "null", "number",
		"number as a text", "object", "plain text", "time", "version",
	} {
		if _, ok := of[name]; ok {
			names = append(names, name)
		}
	}
	return names
}

func TestTimesAreThoseOfRFC3339(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"2026-01-31T12:00:00Z", "2026-01-31T12:00:00.1Z", "2026-01-31T12:00:00.123456789+23:59", "0001-01-01T00:00:00-08:00",
		"2024-02-29T23:59:59Z", "2026-01-31t12:00:00z", "2016-12-31T23:59:60Z",
	} {
		assert.True(t, valid(specOf(targeting.Before, good)), good)
	}
	for _, bad := range []string{
		"2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-1-31T12:00:00.0Z", "2026-01-31T1:00:00.00Z",
		"2026-01-31T12:00:00,5Z", "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00+00:60", "2026-02-29T00:00:00Z",
		"2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:61Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00Z ",
		"12026-01-31T12:00:00Z", "2026-01-31T12:00:00+0100", "1769860800", "",
	} {
		assert.False(t, valid(specOf(targeting.Before, bad)), bad)
		assert.False(t, holds(t, `{"a":`+strconv.Quote(bad)+`}`, specOf(targeting.Before, "9999-01-01T00:00:00Z")), bad)
	}
	same := specOf(targeting.After, "2026-01-31T12:00:00+01:00")
	assert.False(t, holds(t, `{"a":"2026-01-31T11:00:00Z"}`, same))
	assert.True(t, holds(t, `{"a":"2026-01-31T11:00:00.000000001Z"}`, same))
}

func TestVersionsAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"0.0.0", "1.0.0-0", "1.0.0--", "1.0.0-a.b.1.0-1", "1.0.0+001", "1.0.0-rc.1+b-1.2", "1.0.0-0a.00b", "99999999999999999999.0.0",
		"v1.2.3", "V1", "1", "2.1", "2.1-rc.1", "v2+b",
	} {
		assert.True(t, valid(specOf(targeting.SemverEqual, good)), good)
		assert.True(t, holds(t, `{"a":"`+good+`"}`, specOf(targeting.SemverEqual, good)), good)
	}
	for _, bad := range []string{
		"", "v", "vv1", "1.", "1.2.", ".1", "1.2.3.4", "v01", "01.2.3", "1.02.3", "1.2.03", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3-a.", "1.2.3+",
		"1.2.3+a+b", "1.2.3-ü", "1.2.3 ", "-1.2.3", "1.2.-3", "1..3", "1.2.3-a_b", "٣.0.0",
	} {
		assert.False(t, valid(specOf(targeting.SemverEqual, bad)), bad)
		assert.False(t, holds(t, `{"a":`+strconv.Quote(bad)+`}`, specOf(targeting.SemverGreater, "0.0.0-0")), bad)
	}
	for _, same := range [][2]string{{"1.0.0+a", "1.0.0+b"}, {"1.0.0-rc.1+a", "1.0.0-rc.1"}, {"2", "2.0.0"}, {"v2.1", "2.1.0"}, {"2-rc", "2.0.0-rc"}} {
		assert.True(t, holds(t, `{"a":"`+same[0]+`"}`, specOf(targeting.SemverEqual, same[1])))
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		network string
		in, out []string
	}{
		{"10.0.0.0/8", []string{"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3", "::ffff:a01:203"}, []string{"11.0.0.0", "::10.1.2.3", "10.1.2", "010.1.2.3", ""}},
		{"10.1.2.3/8", []string{"10.200.0.1"}, []string{"11.1.2.3"}},
		{"::ffff:10.0.0.0/104", []string{"10.1.2.3", "::ffff:10.1.2.3"}, []string{"11.0.0.0", "::1"}},
		{"::ffff:0:0/96", []string{"1.2.3.4"}, []string{"::1"}},
		{"10.0.0.1", []string{"10.0.0.1", "::ffff:10.0.0.1"}, []string{"10.0.0.2"}},
		{"::ffff:10.0.0.1", []string{"10.0.0.1"}, []string{"10.0.0.2"}},
		{"2001:db8::1", []string{"2001:db8::1", "2001:DB8:0::1"}, []string{"2001:db8::2"}},
		{"192.0.2.7/32", []string{"192.0.2.7"}, []string{"192.0.2.6", "192.0.2.8"}},
		{"0.0.0.0/0", []string{"255.255.255.255"}, []string{"::1"}},
		{"2001:db8::/32", []string{"2001:db8::1", "2001:DB8:ffff::"}, []string{"2001:db9::", "1.2.3.4"}},
		{"fe80::/10", []string{"fe80::1", "fe80::1%eth0"}, []string{"fec0::1"}},
		{"::/0", []string{"::1", "2001:db8::1"}, []string{"1.2.3.4"}},
	} {
		for _, address := range row.in {
			assert.True(t, holds(t, `{"a":"`+address+`"}`, specOf(targeting.InCIDR, row.network)), "%s in %s", address, row.network)
		}
		for _, address := range row.out {
			assert.False(t, holds(t, `{"a":"`+address+`"}`, specOf(targeting.InCIDR, row.network)), "%s in %s", address, row.network)
		}
	}
	for _, bad := range []string{"", "10.0.0", "010.0.0.1", "fe80::1%eth0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "::/129", "fe80::%eth0/10", "10/8", "x/8"} {
		assert.False(t, valid(specOf(targeting.InCIDR, bad)), bad)
	}
	assert.False(t, holds(t, `{"a":"fe80::1%`+strings.Repeat("x", 100)+`"}`, specOf(targeting.InCIDR, "fe80::/10")))
}

func TestManyValuesAreFoundAsFewAre(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 7, 8, 9, 1000} {
		s := targeting.Spec{Attribute: "a", Operator: targeting.In}
		for i := range size {
			s.Values = append(s.Values, targeting.TextValue("v"+strconv.Itoa(i)))
		}
		assert.True(t, holds(t, `{"a":"v0"}`, s))
		assert.True(t, holds(t, `{"a":"v`+strconv.Itoa(size-1)+`"}`, s))
		assert.False(t, holds(t, `{"a":"v`+strconv.Itoa(size)+`"}`, s))
		assert.False(t, holds(t, `{"a":"V0"}`, s))
		s.Operator = targeting.Contains
		assert.True(t, holds(t, `{"a":["x","v0"]}`, s))
		assert.True(t, holds(t, `{"a":"xv0x"}`, s))
		s.IgnoreCase = true
		assert.True(t, holds(t, `{"a":["V0"]}`, s))
		assert.True(t, holds(t, `{"a":"XV0X"}`, s))
		s.Values = append(s.Values[:min(size, 999)], targeting.NumberValue("1"), targeting.BoolValue(false))
		s.Operator = targeting.In
		if size < 1000 {
			assert.True(t, holds(t, `{"a":1.0}`, s))
			assert.True(t, holds(t, `{"a":false}`, s))
			assert.False(t, holds(t, `{"a":"1"}`, s))
			continue
		}
		assert.False(t, valid(s), "1001 values")
	}
}

func TestPatternsAreNotAnchored(t *testing.T) {
	t.Parallel()
	assert.True(t, holds(t, `{"a":"xaby"}`, specOf(targeting.Matches, "ab")))
	assert.True(t, holds(t, `{"a":"xaby"}`, specOf(targeting.Matches, "^no$", "a.y")))
	assert.False(t, holds(t, `{"a":"xaby"}`, specOf(targeting.Matches, "^ab$")))
	assert.True(t, holds(t, `{"a":""}`, specOf(targeting.Matches, "")))
	// RE2 needs linear time for what makes others hang
	assert.False(t, holds(t, `{"a":"`+strings.Repeat("a", 5000)+`!"}`, specOf(targeting.Matches, "^(a+)+$")))
}

// TestNegationAndNoneAreTheSame compares a negated condition with a group of none.
func TestNegationAndNoneAreTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := specOf(rapid.SampledFrom([]targeting.Operator{targeting.Equals, targeting.Contains, targeting.Matches, targeting.In}).Draw(r, "operator"),
			rapid.SampledFrom([]string{"x", "xy", ""}).Draw(r, "value"))
		in := `{` + rapid.SampledFrom([]string{`"a":"x"`, `"a":"xy"`, `"a":["x"]`, `"a":1`, `"a":null`, ``}).Draw(r, "in") + `}`
		negated := s
		negated.Negate = true
		none := targeting.Spec{Group: targeting.NoneOf, Members: []targeting.Spec{s}}
		require.Equal(t, !holds(t, in, s), holds(t, in, negated))
		require.Equal(t, holds(t, in, negated), holds(t, in, none))
	})
}

func TestFaultsOfSeveralConditionsAreAllNamed(t *testing.T) {
	t.Parallel()
	_, err := targeting.NewConditions([]targeting.Spec{
		{Attribute: "", Operator: "like", IgnoreCase: true},
		{Attribute: "a", Operator: targeting.InCIDR, Values: append(text("x"), targeting.NumberValue("1"), targeting.TextValue("10.0.0.0/8"))},
		{Group: targeting.AnyOf, Members: []targeting.Spec{{Attribute: "a", Operator: targeting.Exists}, {Group: targeting.NoneOf}}},
		{Attribute: "a", Operator: targeting.Exists, IgnoreCase: true, Values: text("x")},
	})
	require.ErrorIs(t, err, fault.ErrInvalid)
	var places []string
	for _, f := range fault.Of(err).Fields() {
		places = append(places, f.Name)
	}
	assert.Equal(t, []string{
		"/0/attribute", "/0/operator", "/1/values/0", "/1/values/1", "/2/any/1/none", "/3/ignore_case", "/3/values",
	}, places)
}

// literal is a number of JSON (RFC 8259, section 6).
var literal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// FuzzNumbers compares comparison with that of math/big for JSON numbers with exponents
// that it supports, and checks that it never panics.
func FuzzNumbers(f *testing.F) {
	for _, pair := range [][2]string{
		{"9007199254740993", "9007199254740992"},
		{"1", "1.0"},
		{"10e-1", "0.1E+1"},
		{"-0", "0e999999999999999999999"},
		{"0.1", "0.1000000000000000000000000000001"},
		{"1e308", "1e309"},
		{"-1e-400", "1e-400"},
		{"100", "99.999"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if !literal.MatchString(a) || !literal.MatchString(b) {
			return
		}
		var c targeting.Context
		c.Add("n", targeting.NumberValue(a))
		requested := func(o targeting.Operator) bool {
			conditions, err := targeting.NewConditions([]targeting.Spec{{Attribute: "n", Operator: o, Values: number(b)}})
			require.NoError(t, err)
			return targeting.Hold(conditions, &c)
		}
		first, _ := targeting.NumberValue(a).BucketKey()
		second, _ := targeting.NumberValue(b).BucketKey()
		require.Equal(t, requested(targeting.Equals), first == second, "%s and %s", first.Text, second.Text)
		x, y := exactly(a), exactly(b)
		if x == nil || y == nil {
			return
		}
		order := x.Cmp(y)
		require.Equal(t, order < 0, requested(targeting.Less), "%s and %s", a, b)
		require.Equal(t, order <= 0, requested(targeting.LessOrEqual), "%s and %s", a, b)
		require.Equal(t, order == 0, requested(targeting.Equals), "%s and %s", a, b)
		require.Equal(t, order >= 0, requested(targeting.GreaterOrEqual), "%s and %s", a, b)
		require.Equal(t, order > 0, requested(targeting.Greater), "%s and %s", a, b)
		again, _ := targeting.NumberValue(first.Text).BucketKey()
		require.Equal(t, first, again, "one form")
		if canonical := exactly(first.Text); canonical != nil {
			require.Zero(t, canonical.Cmp(x), first.Text)
		}
	})
}

// exactly returns a number, or nil where its exponent is too large to bear.
func exactly(text string) *big.Rat {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if n, err := strconv.Atoi(text[i+1:]); err != nil || n > 2000 || n < -2000 {
			return nil
		}
	}
	n, _ := new(big.Rat).SetString(text)
	return n
}

// version is Semantic Versioning 2.0.0 by its own suggested expression.
// A "v" before it and missing parts are Signalbox's own.
var version = regexp.MustCompile(`^[vV]?(0|[1-9]\d*)(?:\.(0|[1-9]\d*))?(?:\.(0|[1-9]\d*))?` +
	`(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?` +
	`(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$`)

// FuzzVersions compares versions with the specification's own expression, and checks that
// their order is total.
func FuzzVersions(f *testing.F) {
	f.Add("1.0.0-alpha.1", "1.0.0-alpha.beta")
	f.Add("1.0.0-rc.1+b.1", "1.0.0+b")
	f.Add("1.0.0-01", "v1.2.3")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, v := range []string{a, b} {
			require.Equal(t, version.MatchString(v), valid(specOf(targeting.SemverEqual, v)), "%q", v)
		}
		if !version.MatchString(a) || !version.MatchString(b) {
			return
		}
		requested := func(o targeting.Operator, seen, value string) bool {
			var c targeting.Context
			c.Add("a", targeting.TextValue(seen))
			conditions, err := targeting.NewConditions([]targeting.Spec{specOf(o, value)})
			require.NoError(t, err)
			return targeting.Hold(conditions, &c)
		}
		less, same, greater := requested(targeting.SemverLess, a, b), requested(targeting.SemverEqual, a, b), requested(targeting.SemverGreater, a, b)
		require.Equal(t, 1, count(less, same, greater), "exactly one of them")
		require.Equal(t, less, requested(targeting.SemverGreater, b, a))
		require.Equal(t, same, requested(targeting.SemverEqual, b, a))
		if version.FindStringSubmatch(a)[4] == version.FindStringSubmatch(b)[4] {
			return
		}
		require.False(t, same, "another prerelease is another version")
	})
}

func count(of ...bool) int {
	n := 0
	for _, b := range of {
		if b {
			n++
		}
	}
	return n
}
