package accessapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// rotated rotates a key and returns a caller with its new secret.
func (b *bundle) rotated(t *testing.T, id string, overlap time.Duration) access.Caller {
	t.Helper()
	issued, err := b.Rotate(t.Context(), fixture.Operator(), id, overlap)
	require.NoError(t, err)
	caller, err := b.Authenticate(t.Context(), issued.Token.Reveal(), nil)
	require.NoError(t, err)
	return caller
}

func (b *bundle) session(t *testing.T, by access.Caller) *accessapp.Session {
	t.Helper()
	s, err := b.Open(t.Context(), by)
	require.NoError(t, err)
	return s
}

func TestWhatWasBegunWithASecretEndsWithIt(t *testing.T) {
	t.Parallel()

	t.Run("sessions end with the overlap, those of the new secret do not", func(t *testing.T) {
		t.Parallel()
		b := managed(t)
		before, id := b.caller(t, "n", roles("reader"))
		early := b.session(t, before)
		after := b.rotated(t, id, time.Minute)
		late, own := b.session(t, before), b.session(t, after)
		b.clock.Move(time.Minute - time.Microsecond)
		require.NoError(t, b.Recheck(t.Context()))
		b.Expire()
		for _, s := range []*accessapp.Session{early, late, own} {
			require.NoError(t, s.Check())
			assert.False(t, ended(s))
		}
		b.clock.Move(time.Microsecond)
		require.ErrorIs(t, early.Check(), access.ErrInvalidKey, "before each frame")
		b.Expire()
		for _, s := range []*accessapp.Session{early, late} {
			assert.True(t, ended(s), "also without a look-up")
			require.ErrorIs(t, s.Check(), access.ErrInvalidKey)
			s.Close()
		}
		assert.False(t, ended(own))
		require.NoError(t, b.Recheck(t.Context()))
		require.NoError(t, own.Check())
		_, err := b.Open(t.Context(), before)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	})

	t.Run("without an overlap they end with the first recheck, on another replica too", func(t *testing.T) {
		t.Parallel()
		b := managed(t)
		before, id := b.caller(t, "n", roles("reader"))
		s := b.session(t, before)
		other := accessapp.New(accessapp.Dependencies{
			Keys: b.keys, Clock: b.clock, IDs: fixture.NewIDs(), Policy: accessapp.Policy{Enabled: true},
		})
		_, err := other.Rotate(t.Context(), fixture.Operator(), id, 0)
		require.NoError(t, err)
		b.clock.Move(time.Microsecond)
		require.NoError(t, b.Recheck(t.Context()))
		assert.True(t, ended(s))
		require.ErrorIs(t, s.Check(), access.ErrInvalidKey)
	})

	t.Run("a look-up from before a rotation ends no session of the new secret", func(t *testing.T) {
		t.Parallel()
		b := managed(t)
		before, id := b.caller(t, "n", roles("reader"))
		b.session(t, before)
		var own *accessapp.Session
		b.keys.found = func() {
			b.keys.found = nil
			b.clock.Move(time.Second)
			own = b.session(t, b.rotated(t, id, 0))
		}
		require.NoError(t, b.Recheck(t.Context()))
		require.NotNil(t, own)
		assert.False(t, ended(own))
		require.NoError(t, own.Check())
	})

	t.Run("a request that was authenticated before changes nothing after it", func(t *testing.T) {
		t.Parallel()
		b := managed(t)
		before, id := b.caller(t, "n", roles("admin"))
		b.rotated(t, id, 0)
		require.ErrorIs(t, before.RequireConfirmed(access.WriteFlag), access.ErrInvalidKey)
	})

	t.Run("a pass ends with its secret", func(t *testing.T) {
		t.Parallel()
		b := managed(t)
		before, id := b.caller(t, "n", roles("reader"))
		pass, err := b.Pass(t.Context(), before, fixture.Production(t))
		require.NoError(t, err)
		after := b.rotated(t, id, time.Minute)
		own, err := b.Pass(t.Context(), after, fixture.Production(t))
		require.NoError(t, err)
		assert.NotEqual(t, pass, own)
		admitted, _, err := b.Admit(t.Context(), pass, nil)
		require.NoError(t, err, "within the overlap")
		s := b.session(t, admitted)
		b.clock.Move(time.Minute)
		_, _, err = b.Admit(t.Context(), pass, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
		require.ErrorIs(t, s.Check(), access.ErrInvalidKey)
		_, _, err = b.Admit(t.Context(), own, nil)
		require.NoError(t, err)

		b.rotated(t, id, 0)
		b.clock.Move(freshness.MaxStaleness)
		_, _, err = b.Admit(t.Context(), own, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey, "at once without an overlap")
	})
}

func TestSecondOverlap(t *testing.T) {
	t.Parallel()
	b := managed(t)
	first, a := b.issued(t, accessapp.Issue{Name: "n", Grants: roles("reader")})
	b.rotated(t, a.ID, time.Hour)
	_, err := b.Rotate(t.Context(), fixture.Operator(), a.ID, time.Minute)
	require.ErrorIs(t, err, access.ErrOverlapping)
	_, err = b.Authenticate(t.Context(), first, nil)
	require.NoError(t, err, "the first secret stays valid for the time that was promised")
	b.rotated(t, a.ID, 0)
	_, err = b.Authenticate(t.Context(), first, nil)
	require.ErrorIs(t, err, access.ErrInvalidKey)
}
