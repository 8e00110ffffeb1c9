package accessapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// bounded returns a caller with an admin key that ends in an hour and is accepted from
// 10.0.0.0/8 only, and the id of the key.
func (b *bundle) bounded(t *testing.T) (access.Caller, string) {
	t.Helper()
	token, a := b.issued(t, accessapp.Issue{
		Name: "bounded", Grants: roles("admin"), Lifetime: time.Hour, Networks: []string{"10.0.0.0/8"},
	})
	caller, err := b.Authenticate(t.Context(), token, origin("10.1.2.3"))
	require.NoError(t, err)
	return caller, a.ID
}

// requireExceeded requires ErrTooMuchGranted with the names of the attributes.
func requireExceeded(t *testing.T, err error, names ...string) {
	t.Helper()
	require.ErrorIs(t, err, access.ErrTooMuchGranted)
	assert.Equal(t, []fault.Detail{{Name: "exceeded", Value: names}}, fault.Of(err).Details())
}

func TestNoKeyIsValidBeyondItsAuthor(t *testing.T) {
	t.Parallel()
	b := managed(t)
	caller, own := b.bounded(t)
	near, end := []string{"10.1.0.0/16"}, fixture.Noon().Add(time.Hour)
	issue := func(in accessapp.Issue) (accessapp.Issued, error) {
		in.Name, in.Grants = "n", roles("reader")
		return b.Issue(t.Context(), caller, in)
	}
	for _, wide := range []accessapp.Issue{{}, {Networks: []string{"0.0.0.0/0"}}, {Networks: []string{"10.0.0.0/8", "::1"}}} {
		_, err := issue(wide)
		requireExceeded(t, err, "networks")
	}
	for _, long := range []accessapp.Issue{{Forever: true}, {Lifetime: 2 * time.Hour}, {Expires: end.Add(time.Second)}} {
		long.Networks = near
		_, err := issue(long)
		requireExceeded(t, err, "expires_at")
	}
	_, err := issue(accessapp.Issue{Forever: true})
	requireExceeded(t, err, "expires_at", "networks")

	made, err := issue(accessapp.Issue{Networks: near})
	require.NoError(t, err)
	assert.Equal(t, end, made.Expires, "the lifetime where none is given ends with that of the author")
	amend := func(in accessapp.Amend) error {
		in.ID = made.ID
		_, err := b.Amend(t.Context(), caller, in)
		return err
	}
	requireExceeded(t, amend(accessapp.Amend{Expires: new(time.Time{})}), "expires_at")
	requireExceeded(t, amend(accessapp.Amend{Networks: new([]string{})}), "networks")
	requireExceeded(t, amend(accessapp.Amend{Networks: new([]string{"0.0.0.0/0"})}), "networks")
	require.NoError(t, amend(accessapp.Amend{Networks: new([]string{"10.0.0.0/8"}), Grants: new(roles("admin"))}))
	_, err = b.Rotate(t.Context(), caller, made.ID, 0)
	require.NoError(t, err)
	_, err = b.Rotate(t.Context(), caller, own, 0)
	require.NoError(t, err, "a key rotates itself")
}

func TestAnUnboundedKeyIsOnlyNarrowed(t *testing.T) {
	t.Parallel()
	b := managed(t)
	caller, _ := b.bounded(t)
	_, a := b.issued(t, accessapp.Issue{Name: "n", Grants: roles("reader")})
	_, err := b.Rotate(t.Context(), caller, a.ID, 0)
	requireExceeded(t, err, "expires_at", "networks")
	amend := func(in accessapp.Amend) error {
		in.ID = a.ID
		_, err := b.Amend(t.Context(), caller, in)
		return err
	}
	requireExceeded(t, amend(accessapp.Amend{Grants: new(roles("editor"))}), "expires_at", "networks")
	requireExceeded(t, amend(accessapp.Amend{Expires: new(time.Time{})}), "expires_at", "networks")
	require.NoError(t, amend(accessapp.Amend{Name: new("renamed")}))
	require.NoError(t, amend(accessapp.Amend{Expires: new(a.Expires.Add(-time.Hour))}))
	require.NoError(t, amend(accessapp.Amend{Networks: new([]string{"192.0.2.0/24"})}))
	require.NoError(t, b.Revoke(t.Context(), caller, a.ID, false))
}

func TestLastAdminDoesNotEndSoon(t *testing.T) {
	t.Parallel()
	b := managed(t)
	admin, id := b.caller(t, "admin", roles("admin"))
	b.issued(t, accessapp.Issue{Name: "short", Grants: roles("admin"), Lifetime: access.AdminReserve})
	soon := accessapp.Amend{ID: id, Expires: new(fixture.Noon().Add(3 * time.Second))}
	_, err := b.Amend(t.Context(), admin, soon)
	require.ErrorIs(t, err, access.ErrLastAdmin, "the other one ends soon")
	require.ErrorIs(t, b.Revoke(t.Context(), admin, id, false), access.ErrLastAdmin)
	_, err = b.Amend(t.Context(), admin, accessapp.Amend{ID: id, Expires: new(fixture.Noon().Add(2 * access.AdminReserve))})
	require.NoError(t, err)
	b.caller(t, "other", roles("admin"))
	_, err = b.Amend(t.Context(), admin, soon)
	require.NoError(t, err)
}
