package accessapp_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// tokens verifies tokens whose signature is "c2ln", and counts.
type tokens struct{ verified int }

func (v *tokens) Verify(_ context.Context, token string, issuer trust.Issuer, at time.Time) (trust.Claims, error) {
	v.verified++
	parts := strings.Split(token, ".")
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Subject string `json:"sub"`
		Expires int64  `json:"exp"`
	}
	c := trust.Claims{}
	if json.Unmarshal(body, &claims) != nil || json.Unmarshal(body, &c.All) != nil || parts[2] != "c2ln" {
		return trust.Claims{}, trust.ErrTokenRejected
	}
	c.Subject, c.Expires = claims.Subject, time.Unix(claims.Expires, 0)
	if !at.Before(c.Expires.Add(issuer.Skew)) {
		return trust.Claims{}, trust.ErrTokenRejected
	}
	return c, nil
}

func (v *tokens) CheckKeys(string) error { return nil }

const issuerURL = "https://ci.example.com"

// jwt returns a token of a subject that ends at a time.
func jwt(subject string, expires time.Time) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"RS256"}`) + "." + part(`{"iss":"`+issuerURL+`","sub":"`+subject+
		`","exp":`+strconv.FormatInt(expires.Unix(), 10)+`}`) + ".c2ln"
}

// logins are those that were noted.
type logins []access.Login

func (l *logins) LoggedIn(_ scope.Actor, login access.Login) { *l = append(*l, login) }

type trusting struct {
	*bundle

	logins *logins
	tokens *tokens
	trust  *fixture.Trust
}

func trustingBundle(t *testing.T) *trusting {
	t.Helper()
	b := &bundle{keys: &countingKeys{Keys: fixture.NewKeys()}, clock: fixture.NewClock()}
	environments, err := scope.NewEnvironments("staging", "production")
	require.NoError(t, err)
	x := &trusting{bundle: b, logins: &logins{}, tokens: &tokens{}, trust: fixture.NewTrust(b.keys.Keys)}
	b.Service = accessapp.New(accessapp.Dependencies{
		Keys: b.keys, Uses: b.keys, Clock: b.clock, IDs: fixture.NewIDs(), Trust: x.trust, Tokens: x.tokens,
		Logins: x.logins,
		Policy: accessapp.Policy{Enabled: true, Environments: environments},
	})
	return x
}

// trusted adds an issuer and a binding of the subjects of a glob.
func (x *trusting) trusted(t *testing.T, direct bool) (trust.Issuer, trust.Binding) {
	t.Helper()
	issuer, err := x.SetIssuer(t.Context(), fixture.Operator(), accessapp.Issuer{
		Name: new("ci"), URL: new(issuerURL), Audiences: &[]string{"signalbox"}, Direct: new(direct),
	})
	require.NoError(t, err)
	binding, err := x.SetBinding(t.Context(), fixture.Operator(), accessapp.Binding{
		Name: new("shop"), IssuerID: &issuer.ID, Subjects: &[]string{"repo:shop:*"}, Grants: new(roles("reader")),
		TTL: new(10 * time.Minute),
	})
	require.NoError(t, err)
	return issuer, binding
}

func (x *trusting) login(t *testing.T, token, binding string) (accessapp.Issued, error) {
	t.Helper()
	return x.Login(t.Context(), access.Caller{}, accessapp.Login{Token: secret.New(token), Binding: binding})
}

func (x *trusting) fresh() string { return jwt("repo:shop:main", x.clock.Now().Add(time.Hour)) }

func TestLogin(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	_, err := x.login(t, x.fresh(), "")
	require.ErrorIs(t, err, trust.ErrTokenRejected, "nothing is trusted")
	_, binding := x.trusted(t, false)
	issued, err := x.login(t, x.fresh(), "")
	require.NoError(t, err)
	assert.Equal(t, "shop: repo:shop:main", issued.Name)
	assert.Equal(t, x.clock.Now().Add(10*time.Minute), issued.Expires)
	assert.Equal(t, binding.ID, issued.Login.BindingID)
	caller, err := x.Authenticate(t.Context(), issued.Token.Reveal(), nil)
	require.NoError(t, err)
	assert.True(t, caller.Has(access.ReadFlag, access.Resource{}))
	assert.False(t, caller.Has(access.WriteFlag, access.Resource{}))

	list, err := x.List(t.Context(), fixture.Operator(), scope.Window{Limit: 10})
	require.NoError(t, err)
	assert.Empty(t, list.Items, "the keys of logins are not listed")
	_, err = x.Amend(t.Context(), fixture.Operator(), accessapp.Amend{ID: issued.ID, Expires: new(time.Time{})})
	require.ErrorIs(t, err, access.ErrLoginKey)
	_, err = x.Rotate(t.Context(), fixture.Operator(), issued.ID, 0)
	require.ErrorIs(t, err, access.ErrLoginKey)

	x.clock.Move(10 * time.Minute)
	_, err = x.Authenticate(t.Context(), issued.Token.Reveal(), nil)
	require.ErrorIs(t, err, access.ErrInvalidKey, "it has ended")
	x.clock.Move(25 * time.Hour)
	more, err := x.ForgetLogins(t.Context())
	require.NoError(t, err)
	assert.False(t, more)
	_, err = x.Read(t.Context(), fixture.Operator(), issued.ID)
	require.ErrorIs(t, err, access.ErrKeyNotFound)
}

func TestLoginsThatAreRefused(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	issuer, _ := x.trusted(t, false)
	later := x.clock.Now().Add(time.Hour)
	for token, want := range map[string]error{
		"":               trust.ErrTokenRejected,
		"sbx_AAAAAAAA_":  trust.ErrTokenRejected,
		x.fresh() + "x":  trust.ErrTokenRejected,
		x.fresh() + ".x": trust.ErrTokenRejected,
		jwt("repo:shop:main", x.clock.Now().Add(-time.Hour)): trust.ErrTokenRejected,
		jwt("repo:other:main", later):                        trust.ErrNotBound,
		strings.Replace(x.fresh(), ".", ".e30.", 1):          trust.ErrTokenRejected,
	} {
		_, err := x.login(t, token, "")
		require.ErrorIs(t, err, want, token)
	}
	_, err := x.login(t, x.fresh(), "unknown")
	require.ErrorIs(t, err, trust.ErrNotBound)
	_, err = x.SetBinding(t.Context(), fixture.Operator(), accessapp.Binding{
		Name: new("all"), IssuerID: &issuer.ID, Subjects: &[]string{"repo:*"}, Grants: new(roles("editor")),
	})
	require.NoError(t, err)
	_, err = x.login(t, x.fresh(), "")
	require.ErrorIs(t, err, fault.ErrInvalid)
	assert.Contains(t, fault.Of(err).Fields()[0].Message, "all, shop")
	issued, err := x.login(t, x.fresh(), "all")
	require.NoError(t, err)
	assert.Equal(t, access.RoleEditor, issued.Grants[0].Role)

	for range accessapp.LoginsPerMinute - 1 {
		_, err = x.login(t, x.fresh(), "all")
		require.NoError(t, err)
	}
	_, err = x.login(t, x.fresh(), "all")
	require.ErrorIs(t, err, fault.ErrRateLimited)
	_, err = x.login(t, x.fresh(), "shop")
	require.NoError(t, err, "another binding")
	x.clock.Move(time.Minute)
	_, err = x.login(t, x.fresh(), "all")
	require.NoError(t, err)
}

func TestLoginsEndWithTheirBinding(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, x *trusting, i trust.Issuer, b trust.Binding) error{
		"its grants": func(t *testing.T, x *trusting, _ trust.Issuer, b trust.Binding) error {
			t.Helper()
			_, err := x.SetBinding(t.Context(), fixture.Operator(), accessapp.Binding{ID: b.ID, Grants: new(roles("editor"))})
			return err
		},
		"its removal": func(t *testing.T, x *trusting, _ trust.Issuer, b trust.Binding) error {
			t.Helper()
			return x.RemoveBinding(t.Context(), fixture.Operator(), b.ID)
		},
		"its issuer": func(t *testing.T, x *trusting, i trust.Issuer, _ trust.Binding) error {
			t.Helper()
			_, err := x.SetIssuer(t.Context(), fixture.Operator(), accessapp.Issuer{ID: i.ID, Audiences: &[]string{"other"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := trustingBundle(t)
			i, b := x.trusted(t, true)
			issued, err := x.login(t, x.fresh(), "")
			require.NoError(t, err)
			for _, presented := range []string{issued.Token.Reveal(), x.fresh()} {
				_, err = x.Authenticate(t.Context(), presented, nil)
				require.NoError(t, err)
			}
			require.NoError(t, end(t, x, i, b))
			x.clock.Move(freshness.MaxStaleness)
			_, err = x.Authenticate(t.Context(), issued.Token.Reveal(), nil)
			require.ErrorIs(t, err, access.ErrInvalidKey)
		})
	}
}

// TestTrustThatAnotherReplicaHasChanged is effective with the notification.
func TestTrustThatAnotherReplicaHasChanged(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	_, b := x.trusted(t, true)
	issued, err := x.login(t, x.fresh(), "")
	require.NoError(t, err)
	presented := []string{issued.Token.Reveal(), x.fresh()}
	for _, p := range presented {
		_, err := x.Authenticate(t.Context(), p, nil)
		require.NoError(t, err)
	}
	require.NoError(t, x.trust.Change(t.Context(), x.clock.Now(), func(p *trust.Policy) error { return p.RemoveBinding(b.ID) }))
	x.Changed(access.AllLogins)
	<-x.Changes()
	require.NoError(t, x.Refresh(t.Context()))
	_, err = x.Authenticate(t.Context(), presented[0], nil)
	require.ErrorIs(t, err, access.ErrInvalidKey)
	_, err = x.Authenticate(t.Context(), presented[1], nil)
	require.ErrorIs(t, err, trust.ErrNotBound)
}

// TestLoginMeetsAChange logs in by a policy that is not the stored one any more.
func TestLoginMeetsAChange(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	_, b := x.trusted(t, false)
	_, err := x.login(t, x.fresh(), "")
	require.NoError(t, err)
	require.NoError(t, x.trust.Change(t.Context(), x.clock.Now(), func(p *trust.Policy) error {
		b.Grants = fixture.Granted(access.RoleEditor)
		return p.SetBinding(b)
	}), "as another replica does")
	issued, err := x.login(t, x.fresh(), "")
	require.NoError(t, err)
	assert.Equal(t, access.RoleEditor, issued.Grants[0].Role)
}

func TestDirectTokens(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	i, b := x.trusted(t, true)
	token := x.fresh()
	caller, err := x.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	assert.True(t, access.IsDirectID(caller.Actor.KeyID))
	assert.Equal(t, "ci: repo:shop:main", caller.Actor.Name)
	assert.True(t, caller.Has(access.ReadFlag, access.Resource{}))
	for range 3 {
		x.clock.Move(freshness.MaxStaleness)
		again, err := x.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		assert.Equal(t, caller.Actor, again.Actor)
		require.NoError(t, again.Verdict.Confirm(nil))
	}
	assert.Equal(t, 1, x.tokens.verified, "the signature is verified once")
	assert.Equal(t, logins{{BindingID: b.ID, IssuerID: i.ID, Subject: "repo:shop:main"}}, *x.logins)
	require.NoError(t, x.RecordUses(t.Context()))

	_, err = x.Authenticate(t.Context(), jwt("repo:other:main", x.clock.Now().Add(time.Hour)), nil)
	require.ErrorIs(t, err, trust.ErrNotBound)
	_, err = x.Authenticate(t.Context(), token[:len(token)-1]+"x", nil)
	require.ErrorIs(t, err, trust.ErrTokenRejected)

	pass, err := x.Pass(t.Context(), caller, fixture.Production(t))
	require.NoError(t, err)
	assert.Empty(t, pass, "it would be of use on this replica only")

	session, err := x.Open(t.Context(), caller)
	require.NoError(t, err)
	require.NoError(t, x.Recheck(t.Context()))
	require.NoError(t, session.Check())
	_, err = x.SetBinding(t.Context(), fixture.Operator(), accessapp.Binding{ID: b.ID, Grants: new(roles("editor"))})
	require.NoError(t, err)
	x.clock.Move(freshness.MaxStaleness)
	require.ErrorIs(t, caller.Verdict.Confirm(nil), access.ErrInvalidKey, "it has other rights now")
	require.NoError(t, x.Recheck(t.Context()))
	require.ErrorIs(t, session.Check(), access.ErrInvalidKey)
	caller, err = x.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	assert.True(t, caller.Has(access.WriteFlag, access.Resource{}))

	_, err = x.SetIssuer(t.Context(), fixture.Operator(), accessapp.Issuer{ID: i.ID, Direct: new(false)})
	require.NoError(t, err)
	x.clock.Move(freshness.MaxStaleness)
	_, err = x.Authenticate(t.Context(), token, nil)
	require.ErrorIs(t, err, access.ErrInvalidKey)
}

func TestDirectTokensEnd(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	x.trusted(t, true)
	token := jwt("repo:shop:main", x.clock.Now().Add(time.Minute))
	_, err := x.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	x.clock.Move(time.Minute + trust.DefaultSkew - time.Second)
	_, err = x.Authenticate(t.Context(), token, nil)
	require.NoError(t, err, "within the tolerance for clocks")
	x.clock.Move(time.Second)
	_, err = x.Authenticate(t.Context(), token, nil)
	require.ErrorIs(t, err, trust.ErrTokenRejected)
}

// TestManyDirectTokens has more tokens than are remembered: a key is accepted from memory still.
func TestManyDirectTokens(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	x.trusted(t, true)
	key, _ := x.issued(t, accessapp.Issue{Name: "reader", Grants: roles("reader")})
	_, err := x.Authenticate(t.Context(), key, nil)
	require.NoError(t, err)
	known := x.KnownForTest()
	for n := range accessapp.MaxKnownForTest + 100 {
		_, err := x.Authenticate(t.Context(), jwt("repo:shop:"+strconv.Itoa(n), x.clock.Now().Add(time.Hour)), nil)
		require.NoError(t, err)
	}
	assert.Equal(t, known+accessapp.MaxKnownForTest, x.KnownForTest())
	x.keys.away.Store(true)
	x.clock.Move(freshness.MaxStaleness)
	_, err = x.Authenticate(t.Context(), key, nil)
	require.NoError(t, err)
}

// TestDirectTokensWhileTheStoreIsAway has known tokens read on, and no others.
func TestDirectTokensWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	x.trusted(t, true)
	token := x.fresh()
	_, err := x.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	x.trust.Fail(fault.ErrUnavailable)
	x.clock.Move(freshness.MaxStaleness)
	caller, err := x.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	require.ErrorIs(t, caller.Verdict.Confirm(nil), fault.ErrUnavailable)
	_, err = x.Authenticate(t.Context(), jwt("repo:shop:other", x.clock.Now().Add(time.Hour)), nil)
	require.ErrorIs(t, err, fault.ErrUnavailable)
	_, err = x.login(t, token, "")
	require.ErrorIs(t, err, fault.ErrUnavailable)
}

func TestTrustIsManagedWithinOnesGrants(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	i, b := x.trusted(t, false)
	token, _ := x.issued(t, accessapp.Issue{Name: "staging", Grants: in("staging", "admin")})
	staging, err := x.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	_, err = x.SetIssuer(t.Context(), staging, accessapp.Issuer{ID: i.ID, Direct: new(true)})
	require.ErrorIs(t, err, access.ErrTooMuchGranted)
	require.ErrorIs(t, x.RemoveIssuer(t.Context(), staging, i.ID), access.ErrTooMuchGranted)
	_, err = x.Binding(t.Context(), staging, b.ID)
	require.ErrorIs(t, err, trust.ErrBindingNotFound)
	require.ErrorIs(t, x.RemoveBinding(t.Context(), staging, b.ID), trust.ErrBindingNotFound)
	_, err = x.SetBinding(t.Context(), staging, accessapp.Binding{ID: b.ID, Grants: new(in("staging", "reader"))})
	require.ErrorIs(t, err, trust.ErrBindingNotFound)
	_, err = x.SetBinding(t.Context(), staging, accessapp.Binding{
		Name: new("wide"), IssuerID: &i.ID, Subjects: &[]string{"a"}, Grants: new(roles("reader")),
	})
	require.ErrorIs(t, err, access.ErrTooMuchGranted)
	own, err := x.SetBinding(t.Context(), staging, accessapp.Binding{
		Name: new("own"), IssuerID: &i.ID, Subjects: &[]string{"a"}, Grants: new(in("staging", "reader")),
	})
	require.NoError(t, err)
	seen, err := x.Bindings(t.Context(), staging)
	require.NoError(t, err)
	assert.Equal(t, []trust.Binding{own}, seen)
	all, err := x.Bindings(t.Context(), fixture.Operator())
	require.NoError(t, err)
	assert.Len(t, all, 2)
	_, err = x.login(t, x.fresh(), b.Name)
	require.NoError(t, err, "what one caller does not see is still trusted")
	issuers, err := x.Issuers(t.Context(), staging)
	require.NoError(t, err)
	assert.Len(t, issuers, 1)
	require.ErrorIs(t, x.RemoveIssuer(t.Context(), fixture.Operator(), i.ID), trust.ErrIssuerInUse)
	require.NoError(t, x.RemoveBinding(t.Context(), staging, own.ID))
	require.NoError(t, x.RemoveBinding(t.Context(), fixture.Operator(), b.ID))
	require.NoError(t, x.RemoveIssuer(t.Context(), fixture.Operator(), i.ID))
	_, err = x.Issuer(t.Context(), fixture.Operator(), i.ID)
	require.ErrorIs(t, err, trust.ErrIssuerNotFound)

	near := fixture.Operator()
	near.Bounds.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	_, err = x.SetIssuer(t.Context(), near, accessapp.Issuer{Name: new("near")})
	requireExceeded(t, err, "networks")
	reader := access.Caller{Actor: staging.Actor, Grants: access.ReadOnly()}
	_, err = x.Issuers(t.Context(), reader)
	require.ErrorIs(t, err, access.ErrForbidden)
	_, err = x.SetBinding(t.Context(), fixture.Operator(), accessapp.Binding{
		Name: new("lost"), IssuerID: new("unknown0"), Subjects: &[]string{"a"}, Grants: new(roles("reader")),
	})
	require.ErrorIs(t, err, fault.ErrInvalid)
	assert.Equal(t, "issuer_id", fault.Of(err).Fields()[0].Name)
}

func TestLoginsTrustNobody(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	i, b := x.trusted(t, true)
	_, err := x.SetBinding(t.Context(), fixture.Operator(), accessapp.Binding{ID: b.ID, Grants: new(roles("admin"))})
	require.NoError(t, err)
	issued, err := x.login(t, x.fresh(), "")
	require.NoError(t, err)
	for _, presented := range []string{issued.Token.Reveal(), x.fresh()} {
		admin, err := x.Authenticate(t.Context(), presented, nil)
		require.NoError(t, err)
		_, err = x.SetIssuer(t.Context(), admin, accessapp.Issuer{ID: i.ID, Name: new("mine")})
		requireExceeded(t, err, "expires_at")
		_, err = x.SetBinding(t.Context(), admin, accessapp.Binding{ID: b.ID, Subjects: &[]string{"mine"}})
		requireExceeded(t, err, "expires_at")
		_, err = x.Issue(t.Context(), admin, accessapp.Issue{Name: "n", Grants: roles("reader"), Forever: true})
		requireExceeded(t, err, "expires_at")
	}
	token, _ := x.issued(t, accessapp.Issue{Name: "year", Grants: roles("admin")})
	admin, err := x.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	_, err = x.SetIssuer(t.Context(), admin, accessapp.Issuer{ID: i.ID, Name: new("renamed")})
	require.NoError(t, err, "a key that ends in a year")
}

func TestTrustIsAudited(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	i, b := x.trusted(t, false)
	issued, err := x.login(t, x.fresh(), "")
	require.NoError(t, err)
	require.NoError(t, x.RemoveBinding(t.Context(), fixture.Operator(), b.ID))
	require.NoError(t, x.RemoveIssuer(t.Context(), fixture.Operator(), i.ID))
	var actions []string
	for _, r := range x.trust.Notes() {
		actions = append(actions, r.Action)
		if r.Action == "login.succeeded" {
			assert.Equal(t, issued.ID, r.Actor.KeyID)
			assert.Equal(t, "repo:shop:main", r.Facts["subject"])
		}
		for _, text := range r.Facts {
			assert.NotContains(t, text, "eyJ")
		}
	}
	assert.Equal(t, []string{"issuer.created", "binding.created", "login.succeeded", "binding.deleted", "issuer.deleted"}, actions)
}

func TestHolderNames(t *testing.T) {
	t.Parallel()
	x := trustingBundle(t)
	x.trusted(t, false)
	subject := "repo:shop:" + strings.Repeat("ü", 300)
	issued, err := x.login(t, jwt(subject, x.clock.Now().Add(time.Hour)), "")
	require.NoError(t, err)
	assert.Equal(t, subject, issued.Login.Subject)
	assert.LessOrEqual(t, len(issued.Name), access.MaxKeyNameBytes)
	assert.Greater(t, len(issued.Name), access.MaxKeyNameBytes-4)
}
