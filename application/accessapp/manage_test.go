package accessapp_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func managed(t *testing.T) *bundle {
	t.Helper()
	environments, err := scope.NewEnvironments("staging", "production")
	require.NoError(t, err)
	return setup(t, accessapp.Policy{Enabled: true, Environments: environments})
}

func in(environment, role string) []accessapp.Grant {
	return []accessapp.Grant{{Role: role, Environments: []string{environment}}}
}

// caller issues a key and authenticates with it.
func (b *bundle) caller(t *testing.T, name string, grants []accessapp.Grant) (access.Caller, string) {
	t.Helper()
	token, attributes := b.issued(t, accessapp.Issue{Name: name, Grants: grants})
	caller, err := b.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	return caller, attributes.ID
}

func TestNoKeyGrantsMoreThanItHas(t *testing.T) {
	t.Parallel()
	b := managed(t)
	staging, _ := b.caller(t, "staging", in("staging", "admin"))
	_, production := b.caller(t, "production", in("production", "reader"))
	issued, err := b.Issue(t.Context(), staging, accessapp.Issue{Name: "own", Grants: in("staging", "editor")})
	require.NoError(t, err)
	assert.Equal(t, staging.Actor, issued.CreatedBy)
	for _, grants := range [][]accessapp.Grant{roles("reader"), in("production", "evaluator"), {
		{Role: "reader", Environments: []string{"staging", "production"}},
	}} {
		_, err := b.Issue(t.Context(), staging, accessapp.Issue{Name: "more", Grants: grants})
		require.ErrorIs(t, err, access.ErrTooMuchGranted)
		_, err = b.Amend(t.Context(), staging, accessapp.Amend{ID: issued.ID, Grants: &grants})
		require.ErrorIs(t, err, access.ErrTooMuchGranted)
	}

	_, err = b.Read(t.Context(), staging, production)
	require.ErrorIs(t, err, access.ErrKeyNotFound)
	require.ErrorIs(t, b.Revoke(t.Context(), staging, production, true), access.ErrKeyNotFound)
	_, err = b.Rotate(t.Context(), staging, production, 0)
	require.ErrorIs(t, err, access.ErrKeyNotFound)
	_, err = b.Amend(t.Context(), staging, accessapp.Amend{ID: production, Name: new("mine")})
	require.ErrorIs(t, err, access.ErrKeyNotFound)
	_, err = b.Check(t.Context(), staging, accessapp.Check{Action: "flag.read", KeyID: production})
	require.ErrorIs(t, err, access.ErrKeyNotFound)

	for _, role := range []string{"operator", "editor", "service", "reader"} {
		caller, _ := b.caller(t, role, roles(role))
		_, err := b.Issue(t.Context(), caller, accessapp.Issue{Name: "x", Grants: roles("reader")})
		require.ErrorIs(t, err, access.ErrForbidden)
		_, err = b.List(t.Context(), caller, scope.Window{Limit: 1})
		require.ErrorIs(t, err, access.ErrForbidden)
	}
}

func TestKeysOfAScopedAdminAreListed(t *testing.T) {
	t.Parallel()
	b := managed(t)
	staging, own := b.caller(t, "staging", in("staging", "admin"))
	ids := []string{own}
	for range 5 {
		b.clock.Move(time.Second)
		b.issued(t, accessapp.Issue{Name: "foreign", Grants: in("production", "reader")})
		_, a := b.issued(t, accessapp.Issue{Name: "own", Grants: in("staging", "reader")})
		ids = append(ids, a.ID)
	}
	var got []string
	window := scope.Window{Limit: 2}
	for more := true; more; {
		page, err := b.List(t.Context(), staging, window)
		require.NoError(t, err)
		assert.Equal(t, 6, page.Total)
		for _, k := range page.Items {
			got = append(got, k.ID)
		}
		more, window.After = page.More, page.Positions[len(page.Positions)-1]
	}
	assert.Equal(t, ids, got)
	page, err := b.List(t.Context(), staging, scope.Window{Limit: 2, Offset: 5})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	assert.Equal(t, ids[5], page.Items[0].ID)
	assert.False(t, page.More)
}

func TestLastAdmin(t *testing.T) {
	t.Parallel()
	b := managed(t)
	admin, id := b.caller(t, "admin", roles("admin"))
	require.ErrorIs(t, b.Revoke(t.Context(), admin, id, false), access.ErrLastAdmin)
	for _, change := range []accessapp.Amend{
		{ID: id, Grants: new(roles("operator"))},
		{ID: id, Grants: new(in("staging", "admin"))},
		{ID: id, Networks: new([]string{"10.0.0.0/8"})},
		{ID: id, NotBefore: new(fixture.Noon().Add(time.Hour))},
	} {
		_, err := b.Amend(t.Context(), admin, change)
		require.ErrorIs(t, err, access.ErrLastAdmin)
	}
	_, err := b.Amend(t.Context(), admin, accessapp.Amend{ID: id, Name: new("renamed")})
	require.NoError(t, err, "it stays an admin")
	_, other := b.caller(t, "other", roles("admin"))
	require.NoError(t, b.Revoke(t.Context(), admin, other, false))
	require.ErrorIs(t, b.Revoke(t.Context(), admin, id, false), access.ErrLastAdmin)
	require.NoError(t, b.Revoke(t.Context(), admin, other, false), "it is revoked already")
	require.NoError(t, b.Revoke(t.Context(), fixture.Operator(), id, true))
}

func TestRotation(t *testing.T) {
	t.Parallel()
	b := managed(t)
	token, a := b.issued(t, accessapp.Issue{Name: "n", Grants: roles("reader")})
	_, err := b.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	issued, err := b.Rotate(t.Context(), fixture.Operator(), a.ID, time.Minute)
	require.NoError(t, err)
	assert.Equal(t, a.ID, issued.ID)
	assert.NotEqual(t, token, issued.Token.Reveal())
	for _, one := range []string{token, issued.Token.Reveal(), token} {
		_, err := b.Authenticate(t.Context(), one, nil)
		require.NoError(t, err, "within the overlap both are valid")
	}
	b.clock.Move(time.Minute)
	_, err = b.Authenticate(t.Context(), token, nil)
	require.ErrorIs(t, err, access.ErrInvalidKey, "a cached secret ends with the overlap")
	_, err = b.Authenticate(t.Context(), issued.Token.Reveal(), nil)
	require.NoError(t, err)
	for _, id := range []string{"", "unknown0", "no", "../../..", "!!!!!!!!"} {
		_, err = b.Rotate(t.Context(), fixture.Operator(), id, 0)
		require.ErrorIs(t, err, access.ErrKeyNotFound, id)
	}
}

func TestRotationOnAnotherReplica(t *testing.T) {
	t.Parallel()
	b := managed(t)
	token, a := b.issued(t, accessapp.Issue{Name: "n", Grants: roles("reader")})
	other := accessapp.New(accessapp.Dependencies{
		Keys: b.keys, Clock: b.clock, IDs: fixture.NewIDs(), Policy: accessapp.Policy{Enabled: true},
	})
	_, err := b.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	issued, err := other.Rotate(t.Context(), fixture.Operator(), a.ID, 0)
	require.NoError(t, err)
	b.clock.Move(100 * time.Millisecond)
	_, err = b.Authenticate(t.Context(), issued.Token.Reveal(), nil)
	require.NoError(t, err, "a new secret is accepted though the former key is cached")
	_, err = b.Authenticate(t.Context(), token, nil)
	require.ErrorIs(t, err, access.ErrInvalidKey)

	before := b.keys.finds.Load()
	for range 100 {
		_, err = b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
	}
	assert.Equal(t, before, b.keys.finds.Load(), "a wrong secret is not looked up again and again")
}

type origin string

func (o origin) Address() netip.Addr { return netip.MustParseAddr(string(o)) }

func TestKeyIsAcceptedFromItsNetworks(t *testing.T) {
	t.Parallel()
	b := managed(t)
	token, _ := b.issued(t, accessapp.Issue{Name: "n", Grants: roles("reader"), Networks: []string{"10.0.0.0/8", "::1"}})
	for range 2 { // not cached, and cached
		for _, from := range []origin{"10.1.2.3", "::1"} {
			_, err := b.Authenticate(t.Context(), token, from)
			require.NoError(t, err)
		}
		for _, from := range []access.Origin{origin("192.0.2.1"), nil} {
			_, err := b.Authenticate(t.Context(), token, from)
			require.ErrorIs(t, err, access.ErrAddressNotAllowed)
		}
	}
}

func TestKeyBegins(t *testing.T) {
	t.Parallel()
	b := managed(t)
	token, _ := b.issued(t, accessapp.Issue{Name: "n", Grants: roles("reader"), NotBefore: fixture.Noon().Add(time.Minute)})
	_, err := b.Authenticate(t.Context(), token, nil)
	require.ErrorIs(t, err, access.ErrInvalidKey)
	b.clock.Move(time.Minute)
	_, err = b.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	b := managed(t)
	editor, id := b.caller(t, "e", in("staging", "editor"))
	admin, _ := b.caller(t, "a", roles("admin"))
	write := accessapp.Check{Action: "flag.write", Environment: "staging", Name: "f"}
	got, err := b.Check(t.Context(), editor, write)
	require.NoError(t, err)
	assert.True(t, got.Allowed)
	assert.Equal(t, access.RoleEditor, got.By.Role)
	write.Environment = "production"
	got, err = b.Check(t.Context(), editor, write)
	require.NoError(t, err)
	assert.Equal(t, access.Decision{Grant: -1, Reason: access.OutOfScope}, got.Decision)
	manage := accessapp.Check{Action: "key.manage", KeyID: id}
	got, err = b.Check(t.Context(), admin, manage)
	require.NoError(t, err)
	assert.Equal(t, access.NotGranted, got.Reason)
	_, err = b.Check(t.Context(), editor, accessapp.Check{Action: "flag.write", KeyID: admin.Actor.KeyID})
	require.ErrorIs(t, err, access.ErrForbidden)
	require.NoError(t, b.Revoke(t.Context(), admin, id, false))
	got, err = b.Check(t.Context(), admin, accessapp.Check{Action: "flag.read", Environment: "staging", KeyID: id})
	require.NoError(t, err)
	assert.False(t, got.Allowed)
	assert.Equal(t, access.Reason("key_revoked"), got.Reason)
	for _, bad := range []accessapp.Check{
		{Action: "flag.fly"},
		{Action: "flag.read", Environment: "nowhere"},
		{Action: "flag.read", ServiceName: "no/name"},
		{Action: "flag.read", Name: fixture.Long(256)},
	} {
		_, err := b.Check(t.Context(), editor, bad)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
}

func TestUsesAreRecorded(t *testing.T) {
	t.Parallel()
	b := managed(t)
	token, a := b.issued(t, accessapp.Issue{Name: "n", Grants: roles("reader")})
	assert.True(t, a.LastUsed.IsZero())
	used := func() time.Time {
		found, err := b.Read(t.Context(), fixture.Operator(), a.ID)
		require.NoError(t, err)
		return found.LastUsed
	}
	for range 3 {
		_, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
	}
	b.keys.away.Store(true)
	require.ErrorIs(t, b.RecordUses(t.Context()), fault.ErrUnavailable)
	b.keys.away.Store(false)
	require.NoError(t, b.RecordUses(t.Context()))
	assert.Equal(t, fixture.Noon(), used(), "what could not be stored is stored later")
	b.clock.Move(accessapp.RecordInterval)
	_, err := b.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	require.NoError(t, b.RecordUses(t.Context()))
	assert.Equal(t, fixture.Noon().Add(accessapp.RecordInterval), used())
	_, err = b.Authenticate(t.Context(), "sbx_unknown", nil)
	require.Error(t, err)
	require.NoError(t, b.RecordUses(t.Context()))
	assert.Equal(t, fixture.Noon().Add(accessapp.RecordInterval), used())
}

// TestNoListWidensAGrant writes lists that cannot be stored as they are: none of them
// becomes a grant without that list.
func TestNoListWidensAGrant(t *testing.T) {
	t.Parallel()
	b := managed(t)
	many := make([]string, scope.MaxAreaEntries+1)
	for i := range many {
		many[i] = fmt.Sprint("n", i)
	}
	for name, grant := range map[string]accessapp.Grant{
		"many environments": {Role: "reader", Environments: many},
		"many services":     {Role: "reader", Services: many},
		"many prefixes":     {Role: "reader", Prefixes: many},
		"no environment":    {Role: "reader", Environments: []string{}},
		"no service":        {Role: "reader", Services: []string{}},
		"no prefix":         {Role: "reader", Prefixes: []string{}},
		"all and another":   {Role: "reader", Environments: []string{"*", "staging"}},
		"an empty name":     {Role: "reader", Services: []string{""}},
		"an empty prefix":   {Role: "reader", Prefixes: []string{""}},
	} {
		grants := []accessapp.Grant{grant}
		_, err := b.Issue(t.Context(), fixture.Operator(), accessapp.Issue{Name: "n", Grants: grants})
		require.ErrorIs(t, err, fault.ErrInvalid, name)
		_, a := b.issued(t, accessapp.Issue{Name: "n", Grants: in("staging", "reader")})
		_, err = b.Amend(t.Context(), fixture.Operator(), accessapp.Amend{ID: a.ID, Grants: &grants})
		require.ErrorIs(t, err, fault.ErrInvalid, name)
	}
}
