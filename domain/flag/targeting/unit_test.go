package targeting_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

func TestUnits(t *testing.T) {
	t.Parallel()
	const noon = "2026-01-31T12:00:00Z" // 1769860800
	after := func(unit targeting.Unit, value targeting.Value) targeting.Spec {
		return targeting.Spec{Attribute: "a", Operator: targeting.After, Values: []targeting.Value{value}, Unit: unit}
	}
	seconds, milliseconds := after(targeting.Seconds, targeting.TextValue(noon)), after(targeting.Milliseconds, targeting.TextValue(noon))
	for _, row := range []struct {
		spec targeting.Spec
		seen string
		held bool
	}{
		{seconds, "1769860801", true},
		{seconds, "1769860800", false},
		{seconds, "1769860800.5", true},
		{seconds, "1.769860801e9", true},
		{seconds, "1e300", false},
		{seconds, "-1e300", false},
		{seconds, `"1769860801"`, false},
		{seconds, `"2026-01-31T12:00:01Z"`, true},
		{milliseconds, "1769860800001", true},
		{milliseconds, "1769860800000", false},
		{milliseconds, "1769860801", false},
		{after("", targeting.TextValue(noon)), "1769860801", false},
		{after(targeting.Seconds, targeting.NumberValue("1769860800")), "1769860801", true},
		{after(targeting.Milliseconds, targeting.NumberValue("1769860800000")), `"2026-01-31T12:00:00.001Z"`, true},
	} {
		assert.Equal(t, row.held, holds(t, `{"a":`+row.seen+`}`, row.spec), "%s %s", row.spec.Unit, row.seen)
	}

	for _, bad := range []targeting.Spec{
		after("minutes", targeting.TextValue(noon)),
		after("", targeting.NumberValue("1769860800")),
		after(targeting.Seconds, targeting.NumberValue("1e20")),
		after(targeting.Seconds, targeting.BoolValue(true)),
		{Attribute: "a", Operator: targeting.Greater, Values: []targeting.Value{targeting.NumberValue("1")}, Unit: targeting.Seconds},
	} {
		_, err := targeting.NewConditions([]targeting.Spec{bad})
		require.Error(t, err)
	}
}

func TestNotesOnTimes(t *testing.T) {
	t.Parallel()
	for seen, note := range map[string]string{
		`"2026-01-31T12:00:00"`:  "the time has no offset; add Z or one such as +01:00",
		`1769860800`:             "a number is a time only where the condition has a unit",
		`"1769860800"`:           "a number in quotes is no time",
		`"2026-01-31T12:00:00Z"`: "",
		`"soon"`:                 "",
	} {
		conditions, err := targeting.NewConditions([]targeting.Spec{specOf(targeting.Before, "2027-01-01T00:00:00Z")})
		require.NoError(t, err)
		steps, _ := targeting.Explain(conditions, contextOf(t, `{"a":`+seen+`}`))
		assert.Equal(t, note, steps[0].Note, seen)
	}
}

// TestCaseFolding has letters whose lower case and simple folding differ.
func TestCaseFolding(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		a, b string
		same bool
	}{
		{"STRASSE", "strasse", true},
		{"\u1E9E", "\u00DF", true}, // capital sharp s, status S
		{"\u00DF", "ss", false},    // status F only
		{"\u03A3", "\u03C2", true}, // final sigma
		{"\u212A", "k", true},      // Kelvin sign
		{"\u017F", "S", true},      // long s
		{"\u0130", "i", false},     // dotted capital I: statuses F and T only
		{"\u0131", "I", false},     // dotless i
		{"\u13A0", "\uAB70", true}, // Cherokee
		{"\u01C5", "\u01C4", true}, // titlecase digraph
		{"\u1F88", "\u1F80", true}, // status S
		{"\u0345", "\u03B9", true}, // ypogegrammeni and iota
	} {
		for _, operator := range []targeting.Operator{
			targeting.Equals, targeting.In, targeting.StartsWith, targeting.EndsWith, targeting.Contains, targeting.Matches,
		} {
			s := specOf(operator, row.b)
			s.IgnoreCase = true
			var c targeting.Context
			c.Add("a", targeting.TextValue(row.a))
			conditions, err := targeting.NewConditions([]targeting.Spec{s})
			require.NoError(t, err)
			assert.Equal(t, row.same, targeting.Hold(conditions, &c), "%s %+q %+q", operator, row.a, row.b)
		}
	}
}
