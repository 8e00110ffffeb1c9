package accessapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
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
		caller, err := b.Authenticate(t.Context(), token.Reveal(), nil)
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
		_, err = b.Authenticate(t.Context(), given.Text().Reveal(), nil)
		require.NoError(t, err)
	})
}

func TestIssueAndList(t *testing.T) {
	t.Parallel()
	b := guarded(t)
	_, err := b.Issue(t.Context(), fixture.Operator(), accessapp.Issue{Name: "x", Grants: roles("root")})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = b.Issue(t.Context(), fixture.Operator(), accessapp.Issue{Name: "", Grants: roles("admin")})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = b.Issue(t.Context(), fixture.Operator(), accessapp.Issue{Name: "x", Grants: roles("admin"), Lifetime: -time.Hour})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, attributes := b.issued(t, accessapp.Issue{Name: "billing", Grants: []accessapp.Grant{{Role: "reader", Reveal: true}}})
	list, err := b.List(t.Context(), fixture.Operator(), scope.Window{Limit: 10})
	require.NoError(t, err)
	assert.Equal(t, []access.KeyAttributes{attributes}, list.Items)
	assert.Equal(t, fixture.Noon().Add(accessapp.DefaultLifetime), attributes.Expires)
	_, forever := b.issued(t, accessapp.Issue{Name: "ci", Grants: roles("reader"), Forever: true})
	assert.True(t, forever.Expires.IsZero())
	require.ErrorIs(t, b.Revoke(t.Context(), fixture.Operator(), "unknown0", true), access.ErrKeyNotFound)
}
