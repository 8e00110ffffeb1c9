package access_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/harness"
)

const (
	issuersPath  = "/api/v1/access/issuers/"
	bindingsPath = "/api/v1/access/bindings/"
	loginPath    = "/api/v1/access/login/jwt"
)

// Changes of what is trusted, and of keys, reach every replica within two seconds.
const (
	patience = 10 * time.Second
	pause    = 50 * time.Millisecond
)

// provider starts the OpenID provider.
func provider(t *testing.T) *harness.OpenIDProvider {
	t.Helper()
	return harness.NewOpenIDProvider(t, "../../oidcprovider")
}

// trusted trusts an issuer, and gives subjects of a glob a reader's rights in an environment.
func (w *world) trusted(t *testing.T, issuer string, direct bool, subject string, in ...string) (issuerID, bindingID string) {
	t.Helper()
	issuerID = e2etest.Decode[struct{ ID string }](t, w.admin.Post(t, issuersPath, e2etest.Object{
		"name": w.unique("issuer"), "issuer": issuer, "audiences": []string{"signalbox"}, "direct": direct,
	}).Want(t, http.StatusCreated)).ID
	return issuerID, w.bound(t, issuerID, subject, in...)
}

// issuer returns the id of a new issuer, whose keys are never requested.
func (w *world) issuer(t *testing.T) string {
	t.Helper()
	return e2etest.Decode[struct{ ID string }](t, w.admin.Post(t, issuersPath, e2etest.Object{
		"name": w.unique("issuer"), "issuer": "https://" + w.unique("issuer") + ".example.com", "audiences": []string{"signalbox"},
	}).Want(t, http.StatusCreated)).ID
}

// oneIssuer returns the id of the issuer of all bindings, because issuers are few.
func (w *world) oneIssuer(t *testing.T) string {
	t.Helper()
	if w.issuerID == "" {
		w.issuerID = w.issuer(t)
	}
	return w.issuerID
}

func (w *world) bound(t *testing.T, issuerID, subject string, in ...string) string {
	t.Helper()
	return e2etest.Decode[struct{ ID string }](t, w.admin.Post(t, bindingsPath, e2etest.Object{
		"name": w.unique("binding"), "issuer_id": issuerID, "subjects": []string{subject}, "ttl_seconds": 600,
		"grants": []e2etest.Object{{"role": "reader", "environments": in}},
	}).Want(t, http.StatusCreated)).ID
}

// with returns a client of the same server with another key.
func with(c e2etest.Client, key string) e2etest.Client {
	c.Key = key
	return c
}

// login returns a client with the key of a login, and the key's id.
func (w *world) login(t *testing.T, token string) (e2etest.Client, string) {
	t.Helper()
	made := e2etest.Decode[struct{ ID, Key string }](t, with(w.admin, "").
		Post(t, loginPath, e2etest.Object{"token": token}).Want(t, http.StatusCreated))
	return with(w.admin, made.Key), made.ID
}

// TestLogin logs in with tokens of a real provider, and uses them directly.
func TestLogin(t *testing.T) {
	t.Parallel()
	p := provider(t)
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store.New(t))
			w.trusted(t, p.Issuer, true, "program:*", own)
			_, key := w.configuration(t, own)
			path := configPath + key + "?service_name=shop&environment=" + own
			client, id := w.login(t, p.Token(t))
			token := with(w.admin, p.Token(t))
			for _, c := range []e2etest.Client{client, token} {
				c.Get(t, path).Want(t, http.StatusOK)
				c.Get(t, configPath+"?limit=1").Want(t, http.StatusOK)
				c.Put(t, configPath+"1", e2etest.Object{"value": "x"}).Want(t, http.StatusForbidden)
				a := c.Post(t, "/ofrep/v1/evaluate/flags", e2etest.Object{"context": e2etest.Object{"targetingKey": "u"}},
					e2etest.With("X-Environment", own)).Want(t, http.StatusOK)
				streams := 1
				if c.Key == token.Key {
					streams = 0
				}
				assert.Len(t, e2etest.Decode[e2etest.Object](t, a)["eventStreams"], streams)
			}
			entry := assertEntry(t, w, "login.succeeded", id)
			assert.Equal(t, "program:sid1", entry["facts"].(e2etest.Object)["subject"])
			require.Eventually(t, func() bool {
				a := w.admin.Get(t, "/api/v1/audit/?action=login.succeeded").Want(t, http.StatusOK)
				return strings.Contains(string(a.Body), `"key_id":"~`)
			}, patience, pause, "of the token in place of a key, too")
			list := w.admin.Get(t, keysPath+"?limit=1000").Want(t, http.StatusOK)
			assert.NotContains(t, string(list.Body), id, "the keys of logins are not listed")
			w.admin.Delete(t, keysPath+id).Want(t, http.StatusNoContent)
			require.Eventually(t, func() bool { return client.Get(t, path).Status == http.StatusUnauthorized }, patience, pause)
		})
	}
}

// TestKeySetsOfIssuers replaces and removes the keys that were given for an issuer.
func TestKeySetsOfIssuers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2etest.NewSQLite(t))
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{fixture.PublicKey("ec", fixture.KeysOfParties().EC)}})
	require.NoError(t, err)
	type issuer struct {
		ID   string
		JWKS *struct{ Keys []struct{ Kid string } }
	}
	created := func(name, url string) issuer {
		return e2etest.Decode[issuer](t, w.admin.Post(t, issuersPath, e2etest.Object{
			"name": name, "issuer": url, "audiences": []string{"signalbox"}, "jwks": json.RawMessage(text),
		}).Want(t, http.StatusCreated))
	}
	patched := func(id, body string) e2etest.Response {
		return w.admin.Do(t, http.MethodPatch, issuersPath+id, json.RawMessage(body))
	}
	i := created("discovered", "https://id.example.com")
	require.Equal(t, "ec", i.JWKS.Keys[0].Kid)
	i = e2etest.Decode[issuer](t, patched(i.ID, `{"name": "renamed"}`).Want(t, http.StatusOK))
	require.NotNil(t, i.JWKS, "what is not given is left as it is")
	patched(i.ID, `{"jwks": {"keys": []}}`).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
	i = e2etest.Decode[issuer](t, patched(i.ID, `{"jwks": null}`).Want(t, http.StatusOK))
	require.Nil(t, i.JWKS)
	i = e2etest.Decode[issuer](t, patched(i.ID, `{"jwks": `+string(text)+`}`).Want(t, http.StatusOK))
	require.NotNil(t, i.JWKS)
	plain := created("plain", "kubernetes/serviceaccount")
	patched(plain.ID, `{"jwks": null}`).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
}

// assertEntry waits for an entry of the audit log about a resource.
func assertEntry(t *testing.T, w *world, action, resource string) e2etest.Object {
	t.Helper()
	var found e2etest.Object
	require.Eventually(t, func() bool {
		a := w.admin.Get(t, "/api/v1/audit/?action="+action).Want(t, http.StatusOK)
		list, _ := e2etest.Decode[e2etest.Object](t, a)["entries"].([]any)
		for _, one := range list {
			entry := one.(e2etest.Object)
			if entry["resource"].(e2etest.Object)["id"] == resource {
				found = entry
			}
		}
		return found != nil
	}, patience, pause)
	return found
}

// TestEndOfLogins ends what was given for tokens, on another replica.
func TestEndOfLogins(t *testing.T) {
	t.Parallel()
	p := fixture.NewParty(t)
	for name, end := range map[string]func(t *testing.T, w *world, issuer, binding string){
		"the binding is deleted": func(t *testing.T, w *world, _, binding string) {
			t.Helper()
			w.admin.Delete(t, bindingsPath+binding).Want(t, http.StatusNoContent)
		},
		"the grants change": func(t *testing.T, w *world, _, binding string) {
			t.Helper()
			w.admin.Do(t, http.MethodPatch, bindingsPath+binding, e2etest.Object{
				"grants": []e2etest.Object{{"role": "evaluator", "environments": []string{own}}},
			}).Want(t, http.StatusOK)
		},
		"the issuer changes": func(t *testing.T, w *world, issuer, _ string) {
			t.Helper()
			w.admin.Do(t, http.MethodPatch, issuersPath+issuer, e2etest.Object{"audiences": []string{"another"}}).Want(t, http.StatusOK)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := e2etest.NewPostgres(t)
			w := newWorld(t, database)
			other := e2etest.Boot(t, database).Admin(t)
			issuer, binding := w.trusted(t, p.URL, true, "repo:acme/*", own)
			_, key := w.configuration(t, own)
			path := configPath + key + "?service_name=shop&environment=" + own
			presented := fixture.SignedToken(t, "ES256", "ec", fixture.KeysOfParties().EC, p.Claims(time.Now(), nil))
			login, _ := w.login(t, presented)
			for _, k := range []string{login.Key, presented} {
				with(other, k).Get(t, path).Want(t, http.StatusOK)
			}
			end(t, w, issuer, binding)
			for _, k := range []string{login.Key, presented} {
				require.Eventually(t, func() bool { return with(other, k).Get(t, path).Status >= http.StatusUnauthorized }, patience, pause)
			}
		})
	}
}

// TestRejectedTokens has tokens rejected that are for other services, forged or over, in a
// login and in place of a key.
func TestRejectedTokens(t *testing.T) {
	t.Parallel()
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	now := time.Now()
	w := newWorld(t, e2etest.NewSQLite(t))
	w.trusted(t, p.URL, true, "repo:acme/*", own)
	signed := func(edit map[string]any) string {
		return fixture.SignedToken(t, "ES256", "ec", k.EC, p.Claims(now, edit))
	}
	right := signed(nil)
	w.login(t, right)
	for name, row := range map[string]struct {
		token  string
		status int
	}{
		"another audience": {signed(map[string]any{"aud": "billing"}), http.StatusUnauthorized},
		"expired":          {signed(map[string]any{"exp": now.Add(-time.Minute).Unix()}), http.StatusUnauthorized},
		"another issuer":   {signed(map[string]any{"iss": "https://evil.example.com"}), http.StatusUnauthorized},
		"another key":      {fixture.SignedToken(t, "RS256", "rsa", k.Other, p.Claims(now, nil)), http.StatusUnauthorized},
		"a cut signature":  {right[:len(right)-4], http.StatusUnauthorized},
		"no signature":     {right[:strings.LastIndex(right, ".")+1], http.StatusUnauthorized},
		"another subject":  {signed(map[string]any{"sub": "repo:evil/shop"}), http.StatusForbidden},
	} {
		a := with(w.admin, "").Post(t, loginPath, e2etest.Object{"token": row.token})
		assert.Equal(t, row.status, a.Status, "%s: %s", name, a.Body)
		assert.NotContains(t, string(a.Body), "evil", name)
		a = with(w.admin, row.token).Get(t, configPath)
		assert.Equal(t, row.status, a.Status, "%s in place of a key: %s", name, a.Body)
	}
	with(w.admin, "").Post(t, loginPath, e2etest.Object{"token": strings.Repeat("x", 3*trust.MaxTokenBytes)}).
		Want(t, http.StatusRequestEntityTooLarge)
	with(w.admin, "").Post(t, loginPath, e2etest.Object{}).Want(t, http.StatusUnprocessableEntity)
	wrong := 0
	for range 100 {
		if with(w.admin, "").Post(t, loginPath, e2etest.Object{"token": right + "x"}).Status == http.StatusTooManyRequests {
			wrong++
		}
	}
	require.Positive(t, wrong, "wrong tokens are limited")
	w.admin.Get(t, configPath).Want(t, http.StatusOK)
}
