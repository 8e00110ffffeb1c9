package contract

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// TrustStore is a store of what is trusted, beside the keys of logins.
type TrustStore struct {
	Trust trust.Store
	Keys  access.Keys
}

// Trust tests a store against trust.Store, on empty ones that fresh
// returns.
func Trust(t *testing.T, fresh func(*testing.T) TrustStore, without Without) {
	t.Helper()
	run(t, trustSuite(), fresh, without)
}

func trustSuite() []behaviour[TrustStore] {
	return []behaviour[TrustStore]{
		{"nothing is trusted at first", nothingTrusted},
		{"issuers and bindings are loaded as they were stored, by name", trustComesBack},
		{"nothing of a change that fails is stored", trustFails},
		{"issuers and bindings are replaced and removed", trustChanges},
		{"16 concurrent changes follow one another", trustTogether},
		{"keys of logins end with the binding that changes, and no others", loginsEnd},
		{"the key of a login is stored only while its binding is trusted as it was", loginChanged},
		{"keys of logins are not listed, and those that ended are deleted", loginsForgotten},
	}
}

func issuerOf(id string) trust.Issuer {
	return trust.Issuer{
		ID: id, Name: "issuer " + id, URL: "https://" + id + ".example.com", Audiences: []string{"signalbox", "b"},
		Algorithms: []string{"ES256", "RS256"}, Skew: 10 * time.Second, Direct: true,
		Created: fixture.Noon(), CreatedBy: scope.Actor{KeyID: "AAAAAAAA", Name: "admin"},
	}
}

func bindingOf(t *testing.T, id, issuer string) trust.Binding {
	t.Helper()
	return trust.Binding{
		ID: id, Name: "binding " + id, IssuerID: issuer, Subjects: []string{"repo:acme/*"},
		Claims: map[string][]string{"/ref": {"refs/heads/main"}},
		Grants: []access.Grant{{Role: access.RoleReader, Area: inProduction(t)}, {Role: access.RoleAdmin, Reveal: true}},
		TTL:    10 * time.Minute, Created: fixture.Noon(),
	}
}

func mustTrust(t *testing.T, s trust.Store, apply func(p *trust.Policy) error) {
	t.Helper()
	require.NoError(t, s.Change(t.Context(), fixture.Noon(), apply))
}

func nothingTrusted(t *testing.T, s TrustStore) {
	p, err := s.Trust.Load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, trust.Policy{}, p)
}

// both stores an issuer with two bindings.
func both(t *testing.T, s TrustStore) trust.Policy {
	t.Helper()
	mustTrust(t, s.Trust, func(p *trust.Policy) error {
		keys := issuerOf("iiiiiii2")
		keys.KeySet = `{"keys": [{"kty": "EC"}]}`
		require.NoError(t, p.SetIssuer(keys))
		require.NoError(t, p.SetIssuer(issuerOf("iiiiiii1")))
		require.NoError(t, p.SetBinding(bindingOf(t, "bbbbbbb2", "iiiiiii1")))
		require.NoError(t, p.SetBinding(bindingOf(t, "bbbbbbb1", "iiiiiii2")))
		p.Notes = []audit.Record{{At: fixture.Noon(), Action: "issuer.created", Outcome: audit.Done, Count: 1}}
		return nil
	})
	p, err := s.Trust.Load(t.Context())
	require.NoError(t, err)
	return p
}

func trustComesBack(t *testing.T, s TrustStore) {
	p := both(t, s)
	var want trust.Policy
	keys := issuerOf("iiiiiii2")
	keys.KeySet = `{"keys": [{"kty": "EC"}]}`
	require.NoError(t, want.SetIssuer(issuerOf("iiiiiii1")))
	require.NoError(t, want.SetIssuer(keys))
	require.NoError(t, want.SetBinding(bindingOf(t, "bbbbbbb1", "iiiiiii2")))
	require.NoError(t, want.SetBinding(bindingOf(t, "bbbbbbb2", "iiiiiii1")))
	assert.Equal(t, want, p)
}

func trustFails(t *testing.T, s TrustStore) {
	err := s.Trust.Change(t.Context(), fixture.Noon(), func(p *trust.Policy) error {
		require.NoError(t, p.SetIssuer(issuerOf("iiiiiii1")))
		return trust.ErrIssuerInUse
	})
	require.ErrorIs(t, err, trust.ErrIssuerInUse)
	nothingTrusted(t, s)
}

func trustChanges(t *testing.T, s TrustStore) {
	before := both(t, s)
	mustTrust(t, s.Trust, func(p *trust.Policy) error {
		renamed := bindingOf(t, "bbbbbbb2", "iiiiiii2")
		renamed.Name = "a name"
		require.NoError(t, p.RemoveBinding("bbbbbbb1"))
		require.NoError(t, p.SetBinding(renamed))
		return p.RemoveIssuer("iiiiiii1")
	})
	p, err := s.Trust.Load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, before.Issuers[1:], p.Issuers)
	require.Len(t, p.Bindings, 1)
	assert.Equal(t, "a name", p.Bindings[0].Name)
	assert.Equal(t, "iiiiiii2", p.Bindings[0].IssuerID)
}

func trustTogether(t *testing.T, s TrustStore) {
	for _, err := range together(writers, func(i int) error {
		return s.Trust.Change(t.Context(), fixture.Noon(), func(p *trust.Policy) error {
			return p.SetIssuer(issuerOf("iiiiii" + strconv.Itoa(10+i)))
		})
	}) {
		require.NoError(t, err)
	}
	p, err := s.Trust.Load(t.Context())
	require.NoError(t, err)
	assert.Len(t, p.Issuers, writers)
}

func loginOf(t *testing.T, keys access.Keys, id, binding string, expires time.Time) {
	t.Helper()
	key, _ := keyOf(t, id, access.KeyAttributes{
		Expires: expires, Grants: fixture.Granted(access.RoleAdmin),
		Login: access.Login{BindingID: binding, IssuerID: "iiiiiii1", Subject: "repo:acme/shop"},
	})
	require.NoError(t, keys.Create(t.Context(), key))
	found, err := keys.Find(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, key.Attributes(), found.Attributes())
}

func loginsEnd(t *testing.T, s TrustStore) {
	both(t, s)
	plain, _ := keyOf(t, "plain000", access.KeyAttributes{})
	require.NoError(t, s.Keys.Create(t.Context(), plain))
	for id, binding := range map[string]string{"login001": "bbbbbbb1", "login002": "bbbbbbb2"} {
		loginOf(t, s.Keys, id, binding, fixture.Noon().Add(time.Hour))
	}
	at := fixture.Noon().Add(time.Minute)
	require.NoError(t, s.Trust.Change(t.Context(), at, func(p *trust.Policy) error { return p.RemoveBinding("bbbbbbb1") }))
	for id, want := range map[string]time.Time{"plain000": {}, "login001": at, "login002": {}} {
		key, err := s.Keys.Find(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, want, key.Attributes().Revoked, id)
	}
	_, err := s.Keys.Change(t.Context(), "plain000", at, func(_ *access.APIKey, another bool) error {
		assert.False(t, another, "the key of a login is no usable admin")
		return nil
	})
	require.NoError(t, err)
}

func loginsForgotten(t *testing.T, s TrustStore) {
	plain, _ := keyOf(t, "plain000", access.KeyAttributes{Expires: fixture.Noon().Add(time.Minute)})
	require.NoError(t, s.Keys.Create(t.Context(), plain))
	for n := range 3 {
		loginOf(t, s.Keys, "login00"+strconv.Itoa(n), "bbbbbbb1", fixture.Noon().Add(time.Hour))
	}
	loginOf(t, s.Keys, "later000", "bbbbbbb1", fixture.Noon().Add(2*time.Hour))
	list, err := s.Keys.List(t.Context(), scope.Window{Limit: 10})
	require.NoError(t, err)
	assert.Equal(t, 1, list.Total)
	assert.Len(t, list.Items, 1)
	forget := func(ctx context.Context) int {
		n, err := s.Trust.ForgetLogins(ctx, fixture.Noon().Add(90*time.Minute), 2)
		require.NoError(t, err)
		return n
	}
	assert.Equal(t, 2, forget(t.Context()))
	assert.Equal(t, 1, forget(t.Context()))
	assert.Equal(t, 0, forget(t.Context()))
	for _, id := range []string{"plain000", "later000"} {
		_, err := s.Keys.Find(t.Context(), id)
		require.NoError(t, err)
	}
}

func loginChanged(t *testing.T, s TrustStore) {
	p := both(t, s)
	binding, err := p.Binding("bbbbbbb1")
	require.NoError(t, err)
	issuer, err := p.Issuer(binding.IssuerID)
	require.NoError(t, err)
	login := func(id string) error {
		key, _ := keyOf(t, id, access.KeyAttributes{
			Expires: fixture.Noon().Add(time.Hour), Login: access.Login{BindingID: binding.ID, IssuerID: issuer.ID},
		})
		return s.Trust.CreateLogin(t.Context(), key, binding, issuer)
	}
	require.NoError(t, login("login001"))
	require.ErrorIs(t, login("login001"), access.ErrKeyTaken)
	mustTrust(t, s.Trust, func(p *trust.Policy) error {
		other := issuer
		other.Audiences = []string{"another"}
		return p.SetIssuer(other)
	})
	require.ErrorIs(t, login("login002"), trust.ErrChanged)
	_, err = s.Keys.Find(t.Context(), "login002")
	require.ErrorIs(t, err, access.ErrKeyNotFound)
	found, err := s.Keys.Find(t.Context(), "login001")
	require.NoError(t, err)
	assert.Equal(t, fixture.Noon(), found.Attributes().Revoked)
}
