package accessapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestFirst(t *testing.T) {
	t.Parallel()

	t.Run("the first key is made once, and opens", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, made, err := b.First(t.Context(), secret.Text{})
		require.NoError(t, err)
		require.True(t, made)
		caller, err := b.Authenticate(t.Context(), token.Reveal())
		require.NoError(t, err)
		assert.True(t, caller.May(access.WriteConfiguration, access.Resource{}))
		_, made, err = b.First(t.Context(), secret.Text{})
		require.NoError(t, err)
		assert.False(t, made)
	})

	t.Run("a given token is taken instead", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		given, err := access.NewToken("given000", fixture.Long(access.SecretLength))
		require.NoError(t, err)
		token, made, err := b.First(t.Context(), given.Text())
		require.NoError(t, err)
		assert.True(t, made)
		assert.Equal(t, given.Text(), token)
		_, err = b.Authenticate(t.Context(), given.Text().Reveal())
		require.NoError(t, err)
	})
}

func TestIssueAndList(t *testing.T) {
	t.Parallel()
	b := guarded(t)
	_, _, err := b.Issue(t.Context(), accessapp.Issue{Name: "x", Role: "root"})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, _, err = b.Issue(t.Context(), accessapp.Issue{Name: "", Role: "admin"})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, _, err = b.Issue(t.Context(), accessapp.Issue{Name: "x", Role: "admin", Lifetime: -time.Hour})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, attributes := b.issued(t, accessapp.Issue{Name: "billing", Role: "reader", Reveal: true})
	list, err := b.List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []access.KeyAttributes{attributes}, list)
	require.ErrorIs(t, b.Revoke(t.Context(), "unknown0"), access.ErrKeyNotFound)
}
