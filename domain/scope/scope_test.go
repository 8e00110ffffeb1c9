package scope_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

func TestEnvironment(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"production": true, "0": true, "a.b_c-d": true, strings.Repeat("e", 50): true,
		"": false, "Production": false, "-a": false, ".a": false, "_a": false, strings.Repeat("e", 51): false,
		"a b": false, "a/b": false, "ä": false, "a\x00": false, "a\n": false,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			e, err := scope.ParseEnvironment(text)
			assert.Equal(t, ok, err == nil)
			assert.Equal(t, !ok, e.IsZero())
			if ok {
				assert.Equal(t, text, e.String())
			}
		})
	}
}

func TestServiceName(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"shop": true, "Shop": true, "0": true, "a.b_c-D": true, strings.Repeat("s", 100): true,
		"": false, "-a": false, ".a": false, "_a": false, strings.Repeat("s", 101): false,
		"a b": false, "a/b": false, "ä": false, "a\x00": false,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			s, err := scope.ParseServiceName(text)
			assert.Equal(t, ok, err == nil)
			assert.Equal(t, !ok, s.IsZero())
			if ok {
				assert.Equal(t, text, s.String())
			}
		})
	}
}

func TestEnvironments(t *testing.T) {
	t.Parallel()

	t.Run("only what is supported is parsed, and the message lists it", func(t *testing.T) {
		t.Parallel()
		policy, err := scope.NewEnvironments("development", "production")
		require.NoError(t, err)
		e, err := policy.Parse("production")
		require.NoError(t, err)
		assert.Equal(t, "production", e.String())
		_, err = policy.Parse("staging")
		require.ErrorIs(t, err, fault.ErrInvalid)
		assert.Contains(t, err.Error(), "development, production")
	})

	t.Run("none, a bad one and one twice are refused", func(t *testing.T) {
		t.Parallel()
		for _, names := range [][]string{nil, {"Prod"}, {"a", "b", "a"}, {""}} {
			_, err := scope.NewEnvironments(names...)
			require.ErrorIs(t, err, fault.ErrInvalid)
		}
	})
}

func TestActor(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "anonymous", scope.Actor{}.String())
	assert.Equal(t, "deploy", scope.Actor{KeyID: "x", Name: "deploy"}.String())
}

func TestFlagName(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"new_checkout": true, "0": true, "a.b:c/D-e": true, strings.Repeat("f", 255): true,
		"": false, "_a": false, "/a": false, "a/": false, "a//b": false, "a/./b": false, "..": false, "a b": false,
		"ä": false, "ſ": false, strings.Repeat("f", 256): false, "a\x00": false,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			n, err := scope.ParseFlagName(text)
			assert.Equal(t, ok, err == nil)
			assert.Equal(t, !ok, n.IsZero())
			if ok {
				assert.Equal(t, text, n.String())
			}
		})
	}
}

func TestActions(t *testing.T) {
	t.Parallel()

	t.Run("a module's own verbs are parsed where the module names them", func(t *testing.T) {
		t.Parallel()
		start := scope.Action("start")
		parsed, err := scope.ParseAction("start", start)
		require.NoError(t, err)
		assert.Equal(t, start, parsed)
		_, err = scope.ParseAction("start")
		require.ErrorIs(t, err, fault.ErrInvalid)
	})

	t.Run("what is no verb is rejected", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"", "Start", "_start", "start it", "start1", strings.Repeat("s", 33)} {
			assert.False(t, scope.Action(text).Valid(), text)
			_, err := scope.ParseAction(text, scope.Action(text))
			require.ErrorIs(t, err, fault.ErrInvalid, text)
		}
	})
}
