package accessapp_test

import (
	"fmt"
	"sync"
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

// opened returns a session of a new key, and the key's id.
func opened(t *testing.T, b *bundle, in accessapp.Issue) (*accessapp.Session, string) {
	t.Helper()
	token, attributes := b.issued(t, in)
	caller, err := b.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	session, err := b.Open(t.Context(), caller)
	require.NoError(t, err)
	require.NoError(t, session.Check())
	return session, attributes.ID
}

func ended(s *accessapp.Session) bool {
	select {
	case <-s.Ended():
		return true
	default:
		return false
	}
}

func TestSession(t *testing.T) {
	t.Parallel()

	t.Run("it ends with the first recheck after its key was revoked, and no other does", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		one, id := opened(t, b, accessapp.Issue{})
		other, _ := opened(t, b, accessapp.Issue{})
		require.NoError(t, b.Recheck(t.Context()))
		assert.False(t, ended(one))
		require.NoError(t, fixture.Revoke(t.Context(), b.keys, id, b.clock.Now()))
		require.NoError(t, b.Recheck(t.Context()))
		assert.True(t, ended(one))
		require.ErrorIs(t, one.Check(), access.ErrInvalidKey)
		assert.False(t, ended(other))
		require.NoError(t, other.Check())
	})

	t.Run("it ends when its key was deleted, or was given other rights", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		deleted, id := opened(t, b, accessapp.Issue{})
		b.keys.Forget(id)
		changed, id := opened(t, b, accessapp.Issue{})
		key, err := b.keys.Keys.Find(t.Context(), id)
		require.NoError(t, err)
		attributes := key.Attributes()
		attributes.Grants = fixture.Granted(access.RoleService)
		digest, _ := key.Digests()
		b.keys.Replace(access.RehydrateAPIKey(attributes, digest, nil))
		require.NoError(t, b.Recheck(t.Context()))
		for _, s := range []*accessapp.Session{deleted, changed} {
			assert.True(t, ended(s))
			require.ErrorIs(t, s.Check(), access.ErrInvalidKey)
		}
	})

	t.Run("it ends when its key expires, also while the store is away", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		s, _ := opened(t, b, accessapp.Issue{Name: "short", Grants: roles("admin"), Lifetime: time.Minute})
		b.keys.away.Store(true)
		b.clock.Move(time.Minute - time.Microsecond)
		b.Expire()
		require.NoError(t, s.Check())
		b.clock.Move(time.Microsecond)
		require.ErrorIs(t, s.Check(), access.ErrInvalidKey, "before each frame")
		assert.False(t, ended(s))
		b.Expire()
		assert.True(t, ended(s))
	})

	t.Run("an end that is brought forward counts", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		s, id := opened(t, b, accessapp.Issue{})
		key, err := b.keys.Keys.Find(t.Context(), id)
		require.NoError(t, err)
		attributes := key.Attributes()
		attributes.Expires = b.clock.Now().Add(time.Second)
		digest, _ := key.Digests()
		b.keys.Replace(access.RehydrateAPIKey(attributes, digest, nil))
		require.NoError(t, b.Recheck(t.Context()))
		require.NoError(t, s.Check())
		b.clock.Move(time.Second)
		require.ErrorIs(t, s.Check(), access.ErrInvalidKey)
	})

	t.Run("while the store is unavailable it continues for Grace, and ends then", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		s, _ := opened(t, b, accessapp.Issue{})
		b.keys.away.Store(true)
		for range 59 {
			b.clock.Move(time.Minute)
			require.ErrorIs(t, b.Recheck(t.Context()), fault.ErrUnavailable)
			b.Expire()
			require.NoError(t, s.Check())
		}
		b.clock.Move(time.Minute)
		b.Expire()
		assert.True(t, ended(s))
		require.ErrorIs(t, s.Check(), access.ErrUnconfirmed)
	})

	t.Run("a clock that is set back ends nothing, and does not prolong the grace beyond itself", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		s, _ := opened(t, b, accessapp.Issue{})
		b.keys.away.Store(true)
		b.clock.Move(-24 * time.Hour)
		b.Expire()
		require.NoError(t, s.Check())
		b.clock.Move(accessapp.Grace)
		b.Expire()
		require.ErrorIs(t, s.Check(), access.ErrUnconfirmed)
	})

	t.Run("a look-up of 900 ms is awaited", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := guarded(t)
			s, id := opened(t, b, accessapp.Issue{})
			require.NoError(t, fixture.Revoke(t.Context(), b.keys, id, b.clock.Now()))
			b.keys.slow.Store(int64(900 * time.Millisecond))
			require.NoError(t, b.Recheck(t.Context()))
			require.ErrorIs(t, s.Check(), access.ErrInvalidKey)
		})
	})

	t.Run("one that is opened on a key which was revoked just before is refused", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, attributes := b.issued(t, accessapp.Issue{})
		_, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		require.NoError(t, fixture.Revoke(t.Context(), b.keys, attributes.ID, b.clock.Now()))
		caller, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err, "the verdict stays confirmed for a while")
		b.clock.Move(accessapp.RecheckInterval)
		_, err = b.Open(t.Context(), caller)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	})

	t.Run("a thousand sessions of two keys cost one look-up each second, and none costs none", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		require.NoError(t, b.Recheck(t.Context()))
		assert.Zero(t, b.keys.finds.Load())
		for range 2 {
			token, _ := b.issued(t, accessapp.Issue{})
			caller, err := b.Authenticate(t.Context(), token, nil)
			require.NoError(t, err)
			for range 500 {
				_, err := b.Open(t.Context(), caller)
				require.NoError(t, err)
			}
		}
		queried := b.keys.finds.Load()
		require.NoError(t, b.Recheck(t.Context()))
		assert.Equal(t, queried+1, b.keys.finds.Load())
	})

	t.Run("callers without a key are not looked up, and do not end", func(t *testing.T) {
		t.Parallel()
		b := setup(t, accessapp.Policy{Enabled: true, AnonymousReads: true})
		caller, err := b.Anonymous()
		require.NoError(t, err)
		s, err := b.Open(t.Context(), caller)
		require.NoError(t, err)
		require.NoError(t, b.Recheck(t.Context()))
		b.clock.Move(2 * accessapp.Grace)
		b.Expire()
		require.NoError(t, s.Check())
		assert.Zero(t, b.keys.finds.Load())
	})
}

func TestSessionBounds(t *testing.T) {
	t.Parallel()

	t.Run("one key may have half of them, and all together no more than there are", func(t *testing.T) {
		t.Parallel()
		b := setup(t, accessapp.Policy{Enabled: true, AnonymousReads: true, MaxSessions: 10})
		var callers []access.Caller
		for n := range 3 {
			token, _ := b.issued(t, accessapp.Issue{Name: fmt.Sprint("n", n), Grants: roles("reader")})
			caller, err := b.Authenticate(t.Context(), token, nil)
			require.NoError(t, err)
			callers = append(callers, caller)
		}
		nobody, err := b.Anonymous()
		require.NoError(t, err)
		open := func(caller access.Caller, n int) (list []*accessapp.Session) {
			t.Helper()
			for range n {
				s, err := b.Open(t.Context(), caller)
				require.NoError(t, err)
				list = append(list, s)
			}
			return list
		}
		fill := func(caller access.Caller, most int) []*accessapp.Session {
			t.Helper()
			list := open(caller, most)
			_, err := b.Open(t.Context(), caller)
			require.ErrorIs(t, err, access.ErrTooManyStreams)
			return list
		}
		first := fill(callers[0], 5)
		open(callers[1], 3)
		fill(nobody, 2)
		fill(callers[2], 0)
		first[0].Close()
		first[0].Close()
		last := fill(callers[2], 1)
		last[0].Close()
		fill(callers[0], 1)
	})

	t.Run("counts are exact after thousands that come and go at once, some of a key that ends", func(t *testing.T) {
		t.Parallel()
		const most = 400
		b := setup(t, accessapp.Policy{Enabled: true, MaxSessions: most})
		one, attributes := b.issued(t, accessapp.Issue{})
		other, _ := b.issued(t, accessapp.Issue{})
		var all sync.WaitGroup
		for n := range 4000 {
			all.Go(func() {
				caller, err := b.Authenticate(t.Context(), []string{one, other}[n%2], nil)
				if err != nil {
					return
				}
				if s, err := b.Open(t.Context(), caller); err == nil {
					_ = s.Check()
					s.Close()
				}
				if n == 2000 {
					_ = fixture.Revoke(t.Context(), b.keys, attributes.ID, b.clock.Now())
				}
				if n%100 == 0 {
					_ = b.Recheck(t.Context())
				}
			})
		}
		all.Wait()
		assert.Equal(t, [3]int{}, b.SessionsForTest())
		caller, err := b.Authenticate(t.Context(), other, nil)
		require.NoError(t, err)
		for range most / 2 {
			_, err := b.Open(t.Context(), caller)
			require.NoError(t, err)
		}
		_, err = b.Open(t.Context(), caller)
		require.ErrorIs(t, err, access.ErrTooManyStreams)
	})
}
