package accessapp_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// woken reports whether Changes has a value.
func woken(s *accessapp.Service) bool {
	select {
	case <-s.Changes():
		return true
	default:
		return false
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()

	// revoked returns a key that was cached, with a session, and then revoked elsewhere.
	revoked := func(t *testing.T, b *bundle) (token string, session *accessapp.Session, id string) {
		t.Helper()
		token, attributes := b.issued(t, accessapp.Issue{})
		caller, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		session, err = b.Open(t.Context(), caller)
		require.NoError(t, err)
		b.clock.Move(time.Millisecond)
		require.NoError(t, fixture.Revoke(t.Context(), b.keys, attributes.ID, b.clock.Now()))
		return token, session, attributes.ID
	}

	t.Run("a revoked key is rejected, and its sessions end, after one look-up", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, session, id := revoked(t, b)
		_, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err, "its cached key is fresh")
		b.Changed(id)
		b.Changed(id)
		assert.True(t, woken(b.Service))
		assert.False(t, woken(b.Service))
		queried := b.keys.finds.Load()
		require.NoError(t, b.Refresh(t.Context()))
		assert.Equal(t, queried+1, b.keys.finds.Load())
		_, err = b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
		assert.True(t, ended(session))
		require.ErrorIs(t, session.Check(), access.ErrInvalidKey)
		queried = b.keys.finds.Load()
		require.NoError(t, b.Refresh(t.Context()))
		assert.Equal(t, queried, b.keys.finds.Load(), "nothing was changed since")
	})
	t.Run("a key that is not cached here costs nothing", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		_, attributes := b.issued(t, accessapp.Issue{})
		b.Changed(attributes.ID)
		assert.False(t, woken(b.Service))
		require.NoError(t, b.Refresh(t.Context()))
		assert.Zero(t, b.keys.finds.Load())
	})
	t.Run("an id that was absent is looked up again once it was created", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, attributes := b.issued(t, accessapp.Issue{})
		key, err := b.keys.Keys.Find(t.Context(), attributes.ID)
		require.NoError(t, err)
		b.keys.Forget(attributes.ID)
		_, err = b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
		b.keys.Replace(key)
		_, err = b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
		b.Changed(attributes.ID)
		_, err = b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
	})
	t.Run("a look-up that began before the change does not undo it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := guarded(t)
			token, attributes := b.issued(t, accessapp.Issue{})
			before, err := b.keys.Keys.Find(t.Context(), attributes.ID)
			require.NoError(t, err)
			b.keys.slow.Store(int64(time.Second))
			accepted := make(chan error, 1)
			go func() {
				_, err := b.Authenticate(t.Context(), token, nil)
				accepted <- err
			}()
			synctest.Wait()
			b.clock.Move(time.Millisecond)
			require.NoError(t, fixture.Revoke(t.Context(), b.keys, attributes.ID, b.clock.Now()))
			b.Changed(attributes.ID)
			b.keys.slow.Store(0)
			require.NoError(t, b.Refresh(t.Context()))
			b.keys.Replace(before) // the query in flight has read it before
			require.NoError(t, <-accepted)
			_, err = b.Authenticate(t.Context(), token, nil)
			require.ErrorIs(t, err, access.ErrInvalidKey)
		})
	})
	t.Run("while the store is unavailable, the key is stale after two seconds as without", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, session, id := revoked(t, b)
		b.keys.away.Store(true)
		b.Changed(id)
		require.ErrorIs(t, b.Refresh(t.Context()), fault.ErrUnavailable)
		assert.False(t, ended(session))
		b.keys.away.Store(false)
		b.clock.Move(2 * time.Second)
		_, err := b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	})
	t.Run("a revocation on this replica ends its sessions at once", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		session, id := opened(t, b, accessapp.Issue{Name: "web", Grants: roles("reader")})
		require.NoError(t, b.Revoke(t.Context(), fixture.Operator(), id, false))
		assert.True(t, ended(session))
	})
}
