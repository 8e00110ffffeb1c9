package flag_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// TestNumbersAreNeverRounded checks that every reader of a number accepts it as it is
// written or rejects it, where a float64 would round it.
func TestNumbersAreNeverRounded(t *testing.T) {
	t.Parallel()

	t.Run("an integer with a fraction is none, however small the fraction", func(t *testing.T) {
		t.Parallel()
		for _, value := range []string{
			"9007199254740990.7", "9007199254740991.4", "-9007199254740991.1", "1.00000000000000000001", "1e-400",
		} {
			got := pointers(t, `"type":"integer","variants":{"a":`+value+`},"default":{"variant":"a"}`)
			assert.Equal(t, []string{"/variants/a"}, got, value)
		}
	})

	t.Run("an integer may be written with a point or an exponent", func(t *testing.T) {
		t.Parallel()
		for value, want := range map[string]string{
			"9007199254740991.000": "9007199254740991", "-90071992547409910e-1": "-9007199254740991",
			"-0.0": "0", "0e400": "0", "12e2": "1200",
		} {
			d := define(t, `"type":"integer","variants":{"a":`+value+`},"default":{"variant":"a"}`)
			assert.Contains(t, d.JSON(), `"variants":{"a":`+want+`}`, value)
		}
	})

	t.Run("a percentage is rounded to four decimals and ends at 100", func(t *testing.T) {
		t.Parallel()
		for _, value := range []string{
			"100.00001", "-0.00001", "100.1", "-1", "1e400",
		} {
			assert.Equal(t, []string{"/rollout_percentage"}, pointers(t, `"rollout_percentage":`+value), value)
			got := pointers(t, `"rules":[{"variant":"on","share":{"percentage":`+value+`}}]`)
			assert.Equal(t, []string{"/rules/0/share/percentage"}, got, value)
		}
		for value, want := range map[string]uint32{
			"33.3333": 333_333, "0.0001": 1, "99.99990": 999_999, "1e-4": 1, "1e2": 1_000_000, "-0": 0, "0.5e0": 5000,
			"33.333333333333336": 333_333, "0.30000000000000004": 3000, "66.66666666666667": 666_667, "12.34565": 123_457,
			"12.34560000000000000001": 123_456, "0.00001": 0, "0.00005": 1, "99.99999": 1_000_000, "1e-400": 0,
		} {
			assert.Equal(t, want, define(t, `"rollout_percentage":`+value).RolloutPercentage(), value)
		}
	})

	t.Run("a number too small for 64 bits is refused, not taken for another", func(t *testing.T) {
		t.Parallel()
		for _, value := range []string{"1e-400", "-5.5E-1000000000"} {
			got := pointers(t, `"type":"object","variants":{"a":{"n":[`+value+`]}},"default":{"variant":"a"}`)
			assert.Equal(t, []string{"/variants/a"}, got, value)
			got = pointers(t, `"rules":[{"variant":"on","conditions":[{"attribute":"n","operator":"less","values":[`+value+`]}]}]`)
			assert.Equal(t, []string{"/rules/0/conditions/0/values/0"}, got, value)
		}
	})

	t.Run("a condition keeps all digits of a number with an exponent", func(t *testing.T) {
		t.Parallel()
		c := compile(t, define(t, `"is_enabled":true,"rollout_percentage":0,"rules":[{"variant":"on",`+
			`"conditions":[{"attribute":"n","operator":"equals","values":[9007199254740993e0]}]}]`))
		for value, want := range map[string]string{"9007199254740993": "on", "9007199254740992": "off"} {
			in := user("")
			in.Add("n", targeting.NumberValue(value))
			assert.Equal(t, want, served(c, in), value)
		}
	})

	t.Run("a stored long number can be read again", func(t *testing.T) {
		t.Parallel()
		for _, exponent := range []string{"", "e-30", "e30", "e-300"} {
			d := define(t, `"type":"object","variants":{"a":{"n":0.`+strings.Repeat("7", 390)+exponent+`}},"default":{"variant":"a"}`)
			again, err := flag.RehydrateDefinition([]byte(d.JSON()))
			require.NoError(t, err, exponent)
			assert.Equal(t, d.JSON(), again.JSON())
		}
	})

	t.Run("a float is the nearest of 64 bits, and reads back as itself", func(t *testing.T) {
		t.Parallel()
		for value, want := range map[string]string{
			"1e21": "1.0e+21", "123456789012345678": "123456789012345680.0", "1e-7": "1.0e-07", "-2.50": "-2.5",
		} {
			d := define(t, `"type":"float","variants":{"a":`+value+`},"default":{"variant":"a"}`)
			assert.Contains(t, d.JSON(), `"variants":{"a":`+want+`}`, value)
			again := define(t, `"type":"float","variants":{"a":`+want+`},"default":{"variant":"a"}`)
			assert.Equal(t, d.JSON(), again.JSON())
		}
	})
}

func TestSharesSayWhatThoseOutsideGet(t *testing.T) {
	t.Parallel()
	share := func(rest string) string { return `"rules":[{"variant":"on","share":{"percentage":5` + rest + `}}]` }
	assert.Contains(t, define(t, share(``)).JSON(), `"outside":"fall_through"`)
	assert.Contains(t, define(t, share(`,"outside":"variant","variant":"off"`)).JSON(), `"variant":"off"`)
	for rest, want := range map[string]string{
		`,"outside":"variant","variant":""`:              "/rules/0/share/variant",
		`,"outside":"variant","variant":"x"`:             "/rules/0/share/variant",
		`,"outside":"variant","variant":"?"`:             "/rules/0/share/variant",
		`,"outside":"variant","variant":1`:               "/rules/0/share/variant",
		`,"outside":"variant","variant":null`:            "/rules/0/share/variant",
		`,"outside":"fall_through","variant":"off"`:      "/rules/0/share/variant",
		`,"variant":"off"`:                               "/rules/0/share/variant",
		`,"outside":""`:                                  "/rules/0/share/outside",
		`,"outside":7`:                                   "/rules/0/share/outside",
		`,"colour":7`:                                    "/rules/0/share/colour",
		`,"percentage":null`:                             "/rules/0/share/percentage",
		`,"outside":"variant","variant":"off","id":"me"`: "/rules/0/share/id",
	} {
		assert.Equal(t, []string{want}, pointers(t, share(rest)), rest)
	}
}

// TestStoredDefinitionsAreCheckedAgain reads definitions that only a tampered store can
// contain.
func TestStoredDefinitionsAreCheckedAgain(t *testing.T) {
	t.Parallel()
	good := define(t, `"is_enabled":true,"rollout_percentage":25`).JSON()
	_, err := flag.RehydrateDefinition([]byte(good))
	require.NoError(t, err)
	for name, row := range map[string][2]string{
		"no JSON":                        {`{`, `[`},
		"a salt that is no hex":          {`"salt":"30`, `"salt":"zz`},
		"a short salt":                   {`"salt":"30`, `"salt":"`},
		"a gap":                          {`[[0,250000]]`, `[[0,240000]]`},
		"no ranges":                      {`"ranges"`, `"description":"x","ranges":{},"ranges"`},
		"ranges of an unknown variant":   {`"on":[[0,250000]]`, `"ghost":[[0,250000]]`},
		"ranges of another size":         {`"off":[[250000,1000000]],"on":[[0,250000]]`, `"off":[[500000,1000000]],"on":[[0,500000]]`},
		"all ranges of one that is gone": {`"off":[[250000,1000000]],"on":[[0,250000]]`, `"ghost":[[0,1000000]]`},
		"a bound that is none":           {`[0,250000]`, `[0,"250000"]`},
		"three bounds":                   {`[0,250000]`, `[0,250000,1]`},
		"weights of an unknown variant":  {`"allocation":{"off"`, `"allocation":{"ghost"`},
		"a default of an unknown name":   {`"default":{`, `"default":{"variant":"ghost","x":{`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, good, row[0])
			_, err := flag.RehydrateDefinition([]byte(strings.Replace(good, row[0], row[1], 1)))
			require.ErrorIs(t, err, fault.ErrInvalid)
		})
	}
}
