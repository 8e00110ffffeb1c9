package accessapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestAuthenticate(t *testing.T) {
	t.Parallel()

	t.Run("an issued key is known by its name and role", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, attributes := b.issued(t, accessapp.Issue{Name: "reader", Grants: roles("reader")})
		caller, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		assert.Equal(t, attributes.ID, caller.Actor.KeyID)
		assert.Equal(t, "reader", caller.Actor.Name)
		assert.True(t, caller.May(access.ReadConfiguration, access.Resource{}))
		assert.False(t, caller.May(access.WriteConfiguration, access.Resource{}))
	})

	t.Run("unknown, malformed and wrong keys are ErrInvalidKey", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		_, attributes := b.issued(t, accessapp.Issue{})
		wrong, err := access.NewToken(attributes.ID, fixture.Long(access.SecretLength))
		require.NoError(t, err)
		unknown, err := access.NewToken("unknown0", fixture.Long(access.SecretLength))
		require.NoError(t, err)
		for _, text := range []string{"", "sbx_", wrong.Text().Reveal(), unknown.Text().Reveal()} {
			_, err := b.Authenticate(t.Context(), text, nil)
			require.ErrorIs(t, err, access.ErrInvalidKey)
		}
	})

	t.Run("a key is looked up once, and a revoked one stops within the maximum staleness", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, attributes := b.issued(t, accessapp.Issue{})
		for range 10 {
			_, err := b.Authenticate(t.Context(), token, nil)
			require.NoError(t, err)
		}
		assert.EqualValues(t, 1, b.keys.finds.Load())
		require.NoError(t, fixture.Revoke(t.Context(), b.keys, attributes.ID, b.clock.Now()))
		b.clock.Move(freshness.MaxStaleness - time.Microsecond)
		_, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		b.clock.Move(time.Microsecond)
		_, err = b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	})

	t.Run("a clock that is set back does not prolong the trust", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, attributes := b.issued(t, accessapp.Issue{})
		_, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		require.NoError(t, fixture.Revoke(t.Context(), b.keys, attributes.ID, b.clock.Now()))
		b.clock.Move(-time.Hour)
		_, err = b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	})

	t.Run("a key that expires stops at that instant, also while it is trusted", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, _ := b.issued(t, accessapp.Issue{Name: "short", Grants: roles("admin"), Lifetime: time.Second})
		_, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		b.clock.Move(time.Second)
		_, err = b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	})

	t.Run("a store that is away is not a wrong key", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, _ := b.issued(t, accessapp.Issue{})
		b.keys.away.Store(true)
		_, err := b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, fault.ErrUnavailable)
	})

	t.Run("a cached caller is accepted while the store is unavailable, for Grace, until the key expires", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, attributes := b.issued(t, accessapp.Issue{})
		short, _ := b.issued(t, accessapp.Issue{Name: "short", Grants: roles("admin"), Lifetime: time.Minute})
		for _, key := range []string{token, short} {
			_, err := b.Authenticate(t.Context(), key, nil)
			require.NoError(t, err)
		}
		b.keys.away.Store(true)
		b.clock.Move(10 * time.Second)
		queried := b.keys.finds.Load()
		for range 10 {
			caller, err := b.Authenticate(t.Context(), token, nil)
			require.NoError(t, err)
			assert.Equal(t, attributes.ID, caller.Actor.KeyID)
		}
		assert.Equal(t, queried+1, b.keys.finds.Load(), "a store that has failed is left alone for a second")
		_, err := b.Authenticate(t.Context(), token[:len(token)-1]+"x", nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
		b.clock.Move(time.Minute)
		_, err = b.Authenticate(t.Context(), short, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
		b.clock.Move(accessapp.Grace)
		_, err = b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.NoError(t, fixture.Revoke(t.Context(), b.keys, attributes.ID, b.clock.Now()))
		b.keys.away.Store(false)
		b.clock.Move(time.Second)
		_, err = b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	})

	t.Run("many different keys do not grow memory without bound", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		for range 11_000 {
			b.clock.Move(time.Second / 20)
			token, _ := b.issued(t, accessapp.Issue{})
			_, err := b.Authenticate(t.Context(), token, nil)
			require.NoError(t, err)
		}
		assert.LessOrEqual(t, b.KnownForTest(), 10_000)
	})
}

func TestAnonymous(t *testing.T) {
	t.Parallel()

	t.Run("by default anonymous callers are rejected", func(t *testing.T) {
		t.Parallel()
		_, err := guarded(t).Anonymous()
		require.ErrorIs(t, err, access.ErrUnauthenticated)
	})

	t.Run("anonymous reads reveal nothing and write nothing, and a wrong key is still wrong", func(t *testing.T) {
		t.Parallel()
		b := setup(t, accessapp.Policy{Enabled: true, AnonymousReads: true})
		caller, err := b.Anonymous()
		require.NoError(t, err)
		assert.True(t, caller.May(access.ReadConfiguration, access.Resource{}))
		assert.False(t, caller.May(access.RevealConfiguration, access.Resource{}))
		assert.False(t, caller.May(access.WriteConfiguration, access.Resource{}))
		_, err = b.Authenticate(t.Context(), "wrong", nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	})

	t.Run("without authentication everybody may do everything", func(t *testing.T) {
		t.Parallel()
		b := setup(t, accessapp.Policy{})
		caller, err := b.Authenticate(t.Context(), "anything", nil)
		require.NoError(t, err)
		assert.True(t, caller.May(access.DeclassifyConfiguration, access.Resource{}))
	})
}

func TestVerdicts(t *testing.T) {
	t.Parallel()

	t.Run("a wrong secret is rejected also after the right one was accepted", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, _ := b.issued(t, accessapp.Issue{})
		end := len(token) - 1
		for range 3 {
			_, err := b.Authenticate(t.Context(), token, nil)
			require.NoError(t, err)
			_, err = b.Authenticate(t.Context(), token[:end]+string(token[end]^1), nil)
			require.ErrorIs(t, err, access.ErrInvalidKey)
		}
	})

	t.Run("a cached key that expires is rejected", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, _ := b.issued(t, accessapp.Issue{Name: "n", Grants: roles("admin"), Lifetime: time.Second})
		_, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		b.clock.Move(time.Second)
		_, err = b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	})
}
