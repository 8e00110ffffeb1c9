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

func TestPass(t *testing.T) {
	t.Parallel()

	t.Run("it admits the caller it was issued for, while the key is valid", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, attributes := b.issued(t, accessapp.Issue{})
		caller, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		pass, err := b.Pass(t.Context(), caller, fixture.Production(t))
		require.NoError(t, err)
		again, err := b.Pass(t.Context(), caller, fixture.Production(t))
		require.NoError(t, err)
		assert.Equal(t, pass, again)
		admitted, e, err := b.Admit(t.Context(), pass, nil)
		require.NoError(t, err)
		assert.Equal(t, caller, admitted)
		assert.Equal(t, fixture.Production(t), e)
		require.NoError(t, fixture.Revoke(t.Context(), b.keys, attributes.ID, b.clock.Now()))
		b.clock.Move(freshness.MaxStaleness)
		_, _, err = b.Admit(t.Context(), pass, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	})

	t.Run("it needs no store once the server's secret is there", func(t *testing.T) {
		t.Parallel()
		b := setup(t, accessapp.Policy{Enabled: true, AnonymousReads: true})
		caller, err := b.Anonymous()
		require.NoError(t, err)
		b.keys.away.Store(true)
		require.ErrorIs(t, b.Prepare(t.Context()), fault.ErrUnavailable)
		b.keys.away.Store(false)
		require.NoError(t, b.Prepare(t.Context()))
		b.keys.away.Store(true)
		_, err = b.Pass(t.Context(), caller, fixture.Production(t))
		require.NoError(t, err)
	})

	t.Run("without a key it admits anonymous callers where they are allowed", func(t *testing.T) {
		t.Parallel()
		b := setup(t, accessapp.Policy{Enabled: true, AnonymousReads: true})
		caller, err := b.Anonymous()
		require.NoError(t, err)
		pass, err := b.Pass(t.Context(), caller, fixture.Production(t))
		require.NoError(t, err)
		_, _, err = b.Admit(t.Context(), pass, nil)
		require.NoError(t, err)
		b.clock.Move(2 * time.Hour)
		_, _, err = b.Admit(t.Context(), pass, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
		_, _, err = b.Admit(t.Context(), "", nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	})
}
