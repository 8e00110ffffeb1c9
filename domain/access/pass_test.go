package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

func TestPass(t *testing.T) {
	t.Parallel()
	e, err := scope.ParseEnvironment("eu.prod-1")
	require.NoError(t, err)
	pepper := secret.New("the server's secret")
	made := time.Date(2026, 11, 24, 10, 59, 59, 0, time.UTC)
	text := access.NewPass("abcdefgh", "a_mark-1", e, made).Text(pepper)
	read := func(text string, at time.Time) (access.Pass, error) { return access.ParsePass(text, pepper, at) }

	t.Run("it names its key and environment", func(t *testing.T) {
		t.Parallel()
		p, err := read(text, made)
		require.NoError(t, err)
		assert.Equal(t, "abcdefgh", p.KeyID)
		assert.Equal(t, access.SecretMark("a_mark-1"), p.Secret)
		assert.Equal(t, e, p.Environment)
		anonymous, err := read(access.NewPass("", "", e, made).Text(pepper), made)
		require.NoError(t, err)
		assert.Empty(t, anonymous.KeyID)
		assert.Empty(t, anonymous.Secret)
		assert.Equal(t, e, anonymous.Environment)
	})

	t.Run("it is the same for an hour, and valid for the next one", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, text, access.NewPass("abcdefgh", "a_mark-1", e, made.Add(-59*time.Minute)).Text(pepper))
		assert.NotEqual(t, text, access.NewPass("abcdefgh", "a_mark-1", e, made.Add(time.Second)).Text(pepper))
		_, err := read(text, made.Add(time.Hour))
		require.NoError(t, err)
		for _, at := range []time.Time{made.Add(time.Hour + time.Second), made.Add(-time.Hour)} {
			_, err := read(text, at)
			require.ErrorIs(t, err, access.ErrInvalidKey)
		}
	})

	t.Run("one that was changed, or signed with another secret, is invalid", func(t *testing.T) {
		t.Parallel()
		for _, other := range []string{
			"", ".", "...", text[1:], text + "x", text[:len(text)-1], strings.Replace(text, "eu", "us", 1),
			strings.Replace(text, "a_mark-1", "a_mark-2", 1),
			strings.Replace(text, "abcdefgh", "ABCDEFGH", 1), strings.Replace(text, ".", "..", 1),
			access.NewPass("abcdefgh", "a_mark-1", e, made).Text(secret.New("another secret")),
		} {
			_, err := read(other, made)
			require.ErrorIs(t, err, access.ErrInvalidKey, "%q", other)
		}
	})
}
