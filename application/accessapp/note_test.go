package accessapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// TestWhatIsRecordedOfAKey changes every attribute.
func TestWhatIsRecordedOfAKey(t *testing.T) {
	t.Parallel()
	b := managed(t)
	_, a := b.issued(t, accessapp.Issue{Name: "n", Grants: []accessapp.Grant{
		{Role: "editor", Reveal: true, Environments: []string{"staging"}, Services: []string{"shop"}, Prefixes: []string{"ui."}},
		{Role: "reader"},
	}})
	begin := fixture.Noon().Add(time.Hour)
	_, err := b.Amend(t.Context(), fixture.Operator(), accessapp.Amend{
		ID: a.ID, Networks: new([]string{"10.0.0.0/8", "192.0.2.1"}), NotBefore: &begin,
		Labels: new(map[string]string{"tier": "1", "team": "shop"}), Expires: new(time.Time{}),
	})
	require.NoError(t, err)
	_, err = b.Rotate(t.Context(), fixture.Operator(), a.ID, time.Minute)
	require.NoError(t, err)
	notes := b.keys.Notes()
	require.Len(t, notes, 3)
	const grants = "editor+reveal environment=staging service=shop prefix=ui.; reader"
	assert.Equal(t, map[string]string{
		"grants": grants, "expires_at": "2027-11-23T12:00:00Z", "networks": "all", "labels": "",
	}, notes[0].Facts)
	changed := map[string]string{
		"grants": grants, "expires_at": "never", "networks": "10.0.0.0/8, 192.0.2.1/32", "labels": "team=shop, tier=1",
		"not_before": "2026-11-23T13:00:00Z",
	}
	assert.Equal(t, changed, notes[1].Facts)
	changed["overlap_ends_at"] = "2026-11-23T12:01:00Z"
	assert.Equal(t, changed, notes[2].Facts)
}

// TestRejectedKeysAreKnown presents keys that are rejected although their secret is right.
func TestRejectedKeysAreKnown(t *testing.T) {
	t.Parallel()
	b := managed(t)
	for name, row := range map[string]struct {
		in   accessapp.Issue
		want error
	}{
		"elsewhere":     {accessapp.Issue{Networks: []string{"10.0.0.0/8"}}, access.ErrAddressNotAllowed},
		"not yet valid": {accessapp.Issue{NotBefore: fixture.Noon().Add(time.Hour)}, access.ErrInvalidKey},
	} {
		row.in.Name, row.in.Grants = "n", roles("admin")
		token, a := b.issued(t, row.in)
		for range 2 {
			caller, err := b.Authenticate(t.Context(), token, origin("192.0.2.1"))
			require.ErrorIs(t, err, row.want, name)
			assert.Equal(t, access.Caller{Actor: scope.Actor{KeyID: a.ID, Name: "n"}}, caller, name)
		}
	}
	token, a := b.issued(t, accessapp.Issue{Name: "n", Grants: roles("admin"), Networks: []string{"192.0.2.0/24"}})
	_, err := b.Authenticate(t.Context(), token, origin("192.0.2.1"))
	require.NoError(t, err)
	caller, err := b.Authenticate(t.Context(), token, origin("198.51.100.1"))
	require.ErrorIs(t, err, access.ErrAddressNotAllowed)
	assert.Equal(t, a.ID, caller.Actor.KeyID, "also where the key is cached")
	assert.Empty(t, caller.Grants)

	b.issued(t, accessapp.Issue{Name: "other", Grants: roles("admin")})
	require.NoError(t, b.Revoke(t.Context(), fixture.Operator(), a.ID, true))
	caller, err = b.Authenticate(t.Context(), token, origin("192.0.2.1"))
	require.ErrorIs(t, err, access.ErrInvalidKey)
	assert.Equal(t, a.ID, caller.Actor.KeyID)

	wrong, err := access.NewToken(a.ID, fixture.Long(access.SecretLength))
	require.NoError(t, err)
	caller, err = b.Authenticate(t.Context(), wrong.Text().Reveal(), origin("192.0.2.1"))
	require.ErrorIs(t, err, access.ErrInvalidKey)
	assert.Zero(t, caller, "a wrong secret is nobody's")
}

// TestFirstKeyIsOfTheService has no caller that would have created the key.
func TestFirstKeyIsOfTheService(t *testing.T) {
	t.Parallel()
	b := managed(t)
	_, created, err := b.First(t.Context(), secret.Text{})
	require.NoError(t, err)
	require.True(t, created)
	notes := b.keys.Notes()
	require.Len(t, notes, 1)
	assert.Equal(t, scope.System(), notes[0].Actor)
}
