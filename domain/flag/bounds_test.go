package flag_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// matching returns a rule for each pattern.
func matching(patterns ...string) string {
	rules := make([]string, len(patterns))
	for i, p := range patterns {
		rules[i] = `{"id":"r` + strconv.Itoa(i) + `","variant":"off","conditions":[{"attribute":"a","operator":"matches","values":["` + p + `"]}]}`
	}
	return `"is_enabled":true,"rules":[` + strings.Join(rules, ",") + `]`
}

func TestContextsThatAreTooLarge(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 120_000)

	t.Run("a rule that comes to them ends as an error, and names itself", func(t *testing.T) {
		t.Parallel()
		d := flag.Evaluate(compile(t, define(t, matching("y"))), user("u", "a", long))
		assert.Nil(t, d.Variant)
		assert.Equal(t, "ERROR", d.Reason.String())
		assert.Equal(t, "r0", d.Rule)
		require.ErrorIs(t, d.Err(), flag.ErrInvalidContext)
	})
	t.Run("a rule before it decides, and so do target users and another flag", func(t *testing.T) {
		t.Parallel()
		first := compile(t, define(t, `"is_enabled":true,"rules":[{"id":"all","variant":"off"},`+
			strings.TrimPrefix(matching("y"), `"is_enabled":true,"rules":[`)))
		assert.Equal(t, "off", served(first, user("u", "a", long)))
		targeted := compile(t, define(t, matching("y")+`,"target_users":["u"]`))
		assert.Equal(t, "on", served(targeted, user("u", "a", long)))
		in := user("v", "a", long)
		require.Error(t, flag.Evaluate(compile(t, define(t, matching("y"))), in).Err())
		assert.Equal(t, "on", served(compile(t, define(t, `"is_enabled":true`)), in), "it is no error of the context as such")
	})
	t.Run("a trace ends with the condition that could not be decided", func(t *testing.T) {
		t.Parallel()
		d, steps := flag.EvaluateTraced(compile(t, define(t, matching("y", "z"))), user("u", "a", long))
		require.ErrorIs(t, d.Err(), flag.ErrInvalidContext)
		require.Len(t, steps, 1)
		assert.False(t, steps[0].Held)
	})
}

func TestEvaluationsThatAreTooLate(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var hard []string
	for range 100 {
		hard = append(hard, "(x+x+)+y")
	}
	c := compile(t, define(t, matching(hard...)))
	in := user("u", "a", strings.Repeat("x", targeting.MaxSeenBytes))
	in.Until(over)
	d := flag.Evaluate(c, in)
	assert.Equal(t, flag.Late, d.Reason)
	assert.Nil(t, d.Variant)
	require.ErrorIs(t, d.Err(), context.DeadlineExceeded)
	assert.Equal(t, flag.Late, flag.Evaluate(compile(t, define(t, `"is_enabled":true`)), in).Reason, "the next flag, too")
	d, _ = flag.EvaluateTraced(c, in)
	assert.Equal(t, flag.Late, d.Reason)
	in.Until(t.Context())
	in.Reset()
	assert.NotEqual(t, flag.Late, flag.Evaluate(c, in).Reason)
}

func TestPatternsThatAreTooLarge(t *testing.T) {
	t.Parallel()
	const large = "(abc?d?){400}"

	t.Run("they cannot be written", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, []string{"/rules/1/conditions/0/values/0"}, pointers(t, matching("a", large)))
	})
	t.Run("nor can too many of some size", func(t *testing.T) {
		t.Parallel()
		var some []string
		for range 30 {
			some = append(some, "a{1000}")
		}
		assert.Equal(t, []string{"/rules"}, pointers(t, matching(some...)))
		define(t, matching(some[:4]...))
	})
	t.Run("a stored pattern is read and evaluated, and other changes leave it", func(t *testing.T) {
		t.Parallel()
		d := define(t, matching("abc"))
		stored, err := flag.RehydrateDefinition([]byte(strings.Replace(d.JSON(), `"abc"`, `"`+large+`"`, 1)))
		require.NoError(t, err)
		assert.Equal(t, "off", served(compile(t, stored), user("u", "a", strings.Repeat("abcd", 400))))
		assert.Equal(t, "on", served(compile(t, apply(t, stored, `"target_users":["x"]`)), user("u")))
	})
}
