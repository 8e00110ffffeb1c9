package jwtverifier_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/jwtverifier"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// noon is the time of the tests.
var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

var keys = sync.OnceValue(func() (k struct {
	rsa, other *rsa.PrivateKey
	ec         *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
}) {
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.other, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

// party is an issuer that answers discovery.
type party struct {
	*httptest.Server

	mu       sync.Mutex
	keys     []jose.JSONWebKey
	requests int
	away     bool
	issuer   string
	jwks     string
}

func public(id string, key crypto.Signer) jose.JSONWebKey {
	return jose.JSONWebKey{KeyID: id, Key: key.Public(), Use: "sig"}
}

func newParty(t *testing.T) *party {
	t.Helper()
	p := &party{keys: []jose.JSONWebKey{public("rsa", keys().rsa), public("ec", keys().ec), public("ed", keys().ed)}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	p.issuer, p.jwks = p.URL, p.URL+"/keys"
	return p
}

func (p *party) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": p.issuer, "jwks_uri": p.jwks})
	case "/keys":
		p.requests++
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: p.keys})
	case "/moved":
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
	case "/huge":
		_, _ = w.Write([]byte(`{"keys": [` + strings.Repeat(" ", 2<<20) + `]}`))
	}
}

func (p *party) change(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// count returns how often the keys were requested.
func (p *party) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

func (p *party) trusted() trust.Issuer {
	return trust.Issuer{
		URL: p.URL, Audiences: []string{"signalbox", "other"},
		Algorithms: []string{"RS256", "PS256", "ES256", "EdDSA"}, Skew: 30 * time.Second,
	}
}

func (p *party) claims(edit map[string]any) map[string]any {
	c := map[string]any{
		"iss": p.URL, "sub": "repo:acme/shop", "aud": "signalbox", "exp": noon.Add(time.Hour).Unix(),
		"iat": noon.Unix(), "repository": "acme/shop",
	}
	maps.Copy(c, edit)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// signed returns a token.
func signed(t *testing.T, alg jose.SignatureAlgorithm, id string, key any, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: id}}, nil)
	require.NoError(t, err)
	body, err := json.Marshal(claims)
	require.NoError(t, err)
	token, err := signer.Sign(body)
	require.NoError(t, err)
	text, err := token.CompactSerialize()
	require.NoError(t, err)
	return text
}

func part(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestTokensThatAreAccepted(t *testing.T) {
	t.Parallel()
	p, k := newParty(t), keys()
	v := jwtverifier.New()
	for name, token := range map[string]string{
		"RS256":              signed(t, jose.RS256, "rsa", k.rsa, p.claims(nil)),
		"PS256":              signed(t, jose.PS256, "rsa", k.rsa, p.claims(nil)),
		"ES256":              signed(t, jose.ES256, "ec", k.ec, p.claims(nil)),
		"EdDSA":              signed(t, jose.EdDSA, "ed", k.ed, p.claims(nil)),
		"no key id":          signed(t, jose.ES256, "", k.ec, p.claims(nil)),
		"several audiences":  signed(t, jose.ES256, "ec", k.ec, p.claims(map[string]any{"aud": []string{"x", "other"}})),
		"just ended":         signed(t, jose.ES256, "ec", k.ec, p.claims(map[string]any{"exp": noon.Add(-29 * time.Second).Unix()})),
		"begins in a moment": signed(t, jose.ES256, "ec", k.ec, p.claims(map[string]any{"nbf": noon.Add(29 * time.Second).Unix()})),
		"no time of issue":   signed(t, jose.ES256, "ec", k.ec, p.claims(map[string]any{"iat": nil})),
	} {
		claims, err := v.Verify(t.Context(), token, p.trusted(), noon)
		require.NoError(t, err, name)
		assert.Equal(t, "repo:acme/shop", claims.Subject, name)
		assert.Equal(t, "acme/shop", claims.All["repository"], name)
	}
	assert.Equal(t, 1, p.requests, "the keys are requested once")
}

// TestForgedTokens has every kind of token that must not be accepted.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	p, k := newParty(t), keys()
	der, err := x509.MarshalPKIXPublicKey(k.rsa.Public())
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	right := signed(t, jose.ES256, "ec", k.ec, p.claims(nil))
	parts := strings.Split(right, ".")
	body, err := json.Marshal(p.claims(nil))
	require.NoError(t, err)
	with := func(edit map[string]any) string { return signed(t, jose.ES256, "ec", k.ec, p.claims(edit)) }
	embedded := func() string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: k.other}, &jose.SignerOptions{EmbedJWK: true})
		require.NoError(t, err)
		token, err := signer.Sign(body)
		require.NoError(t, err)
		compact, err := token.CompactSerialize()
		require.NoError(t, err)
		return compact
	}
	v := jwtverifier.New()
	for name, token := range map[string]string{
		"empty":                            "",
		"no token":                         "a.b.c",
		"no signature":                     parts[0] + "." + parts[1] + ".",
		"alg none":                         part(`{"alg":"none"}`) + "." + part(string(body)) + ".",
		"alg None":                         part(`{"alg":"None","kid":"ec"}`) + "." + part(string(body)) + "." + parts[2],
		"another payload":                  parts[0] + "." + part(strings.Replace(string(body), "acme", "evil", 1)) + "." + parts[2],
		"another header":                   part(`{"alg":"RS256","kid":"rsa"}`) + "." + parts[1] + "." + parts[2],
		"HMAC with the public key as PEM":  signed(t, jose.HS256, "rsa", text, p.claims(nil)),
		"HMAC with the public key as DER":  signed(t, jose.HS256, "rsa", der, p.claims(nil)),
		"the key of nobody":                signed(t, jose.RS256, "rsa", k.other, p.claims(nil)),
		"the key of nobody, no id":         signed(t, jose.RS256, "", k.other, p.claims(nil)),
		"an unknown key id":                signed(t, jose.RS256, "new", k.other, p.claims(nil)),
		"its own key in the header":        embedded(),
		"an algorithm that is not trusted": signed(t, jose.RS512, "rsa", k.rsa, p.claims(nil)),
		"another issuer":                   with(map[string]any{"iss": "https://evil.example.com"}),
		"an issuer with a slash":           with(map[string]any{"iss": p.URL + "/"}),
		"no issuer":                        with(map[string]any{"iss": nil}),
		"another audience":                 with(map[string]any{"aud": "billing"}),
		"a part of the audience":           with(map[string]any{"aud": "signal"}),
		"no audience":                      with(map[string]any{"aud": nil}),
		"empty audiences":                  with(map[string]any{"aud": []string{}}),
		"expired":                          with(map[string]any{"exp": noon.Add(-30 * time.Second).Unix()}),
		"no end":                           with(map[string]any{"exp": nil}),
		"an end that is a text":            with(map[string]any{"exp": "never"}),
		"not yet valid":                    with(map[string]any{"nbf": noon.Add(31 * time.Second).Unix()}),
		"a beginning that is a text":       with(map[string]any{"nbf": "now"}),
		"issued in the future":             with(map[string]any{"iat": noon.Add(time.Minute).Unix()}),
		"no subject":                       with(map[string]any{"sub": nil}),
		"a subject that is a number":       with(map[string]any{"sub": 7}),
		"a long subject":                   with(map[string]any{"sub": strings.Repeat("x", trust.MaxTextBytes+1)}),
		"a long token":                     with(map[string]any{"x": strings.Repeat("x", trust.MaxTokenBytes)}),
		"the JSON form":                    `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"four parts":                       right + ".x",
		"blanks":                           " " + right,
	} {
		_, err := v.Verify(t.Context(), token, p.trusted(), noon)
		require.ErrorIs(t, err, trust.ErrTokenRejected, name)
		assert.NotContains(t, fault.Of(err).Message(), "acme", name)
	}
	_, err = v.Verify(t.Context(), right, p.trusted(), noon)
	require.NoError(t, err, "the right one is still accepted")
	assert.Equal(t, 1, p.requests, "no forged token has the keys requested again at once")
}

func TestKeysAreReplaced(t *testing.T) {
	t.Parallel()
	p, k := newParty(t), keys()
	v := jwtverifier.New()
	old := signed(t, jose.RS256, "rsa", k.rsa, p.claims(nil))
	fresh := signed(t, jose.RS256, "new", k.other, p.claims(nil))
	verify := func(token string, at time.Time) error {
		_, err := v.Verify(t.Context(), token, p.trusted(), at)
		return err
	}
	require.NoError(t, verify(old, noon))
	p.change(func() { p.keys = []jose.JSONWebKey{public("new", k.other)} })
	require.ErrorIs(t, verify(fresh, noon.Add(jwtverifier.RefreshPause-time.Second)), trust.ErrTokenRejected)
	require.NoError(t, verify(fresh, noon.Add(jwtverifier.RefreshPause)))
	require.ErrorIs(t, verify(old, noon.Add(jwtverifier.RefreshPause)), trust.ErrTokenRejected, "it was withdrawn")
	assert.Equal(t, 2, p.count())
}

func TestWithdrawnKeysAreForgotten(t *testing.T) {
	t.Parallel()
	p, k := newParty(t), keys()
	v := jwtverifier.New()
	old := signed(t, jose.RS256, "rsa", k.rsa, p.claims(nil))
	_, err := v.Verify(t.Context(), old, p.trusted(), noon)
	require.NoError(t, err)
	p.change(func() { p.keys = []jose.JSONWebKey{public("new", k.other)} })
	assert.Eventually(t, func() bool {
		_, err := v.Verify(t.Context(), old, p.trusted(), noon.Add(jwtverifier.RefreshAfter+time.Second))
		return err != nil
	}, 5*time.Second, time.Millisecond, "without a token that has another key")
}

func TestIssuersThatAreAway(t *testing.T) {
	t.Parallel()
	p, k := newParty(t), keys()
	v := jwtverifier.New()
	token := signed(t, jose.ES256, "ec", k.ec, p.claims(map[string]any{"exp": noon.Add(48 * time.Hour).Unix()}))
	verify := func(at time.Time) error {
		_, err := v.Verify(t.Context(), token, p.trusted(), at)
		return err
	}
	p.change(func() { p.away = true })
	require.ErrorIs(t, verify(noon), trust.ErrIssuerUnavailable)
	require.ErrorIs(t, verify(noon.Add(time.Second)), trust.ErrIssuerUnavailable, "without another request")
	p.change(func() { p.away = false })
	at := noon.Add(jwtverifier.RefreshPause)
	require.NoError(t, verify(at))
	p.change(func() { p.away = true })
	require.NoError(t, verify(at.Add(jwtverifier.MaxAge)))
	require.ErrorIs(t, verify(at.Add(jwtverifier.MaxAge+time.Minute)), trust.ErrIssuerUnavailable)
}

func TestIssuersThatAnswerWrongly(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(p *party){
		"another issuer":            func(p *party) { p.issuer = "https://evil.example.com" },
		"no keys":                   func(p *party) { p.keys = nil },
		"keys without TLS":          func(p *party) { p.jwks = "http://192.0.2.1/keys" },
		"keys in a file":            func(p *party) { p.jwks = "file:///etc/passwd" },
		"keys at a link-local name": func(p *party) { p.jwks = "https://169.254.169.254/keys" },
		"a redirect to such":        func(p *party) { p.jwks = p.URL + "/moved" },
		"a huge answer":             func(p *party) { p.jwks = p.URL + "/huge" },
		"nothing":                   func(p *party) { p.jwks = p.URL + "/nothing" },
		"symmetric keys": func(p *party) {
			p.keys = []jose.JSONWebKey{{KeyID: "ec", Key: []byte("0123456789abcdef0123456789abcdef")}}
		},
	} {
		p := newParty(t)
		edit(p)
		token := signed(t, jose.ES256, "ec", keys().ec, p.claims(nil))
		_, err := jwtverifier.New().Verify(t.Context(), token, p.trusted(), noon)
		require.ErrorIs(t, err, trust.ErrIssuerUnavailable, name)
	}
}

func TestGivenKeys(t *testing.T) {
	t.Parallel()
	p, k := newParty(t), keys()
	v := jwtverifier.New()
	set := func(list ...jose.JSONWebKey) string {
		text, err := json.Marshal(jose.JSONWebKeySet{Keys: list})
		require.NoError(t, err)
		return string(text)
	}
	issuer := p.trusted()
	issuer.KeySet = set(public("ec", k.ec), public("rsa", k.rsa))
	require.NoError(t, v.CheckKeys(issuer.KeySet))
	p.Close()
	_, err := v.Verify(t.Context(), signed(t, jose.ES256, "ec", k.ec, p.claims(nil)), issuer, noon)
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), signed(t, jose.RS256, "rsa", k.other, p.claims(nil)), issuer, noon)
	require.ErrorIs(t, err, trust.ErrTokenRejected)
	_, err = v.Verify(t.Context(), signed(t, jose.RS256, "ec", k.rsa, p.claims(nil)), issuer, noon)
	require.ErrorIs(t, err, trust.ErrTokenRejected, "the id of another key")

	encryption := public("enc", k.rsa)
	encryption.Use = "enc"
	for name, text := range map[string]string{
		"no JSON":         "x",
		"no keys":         `{"keys": []}`,
		"a broken key":    `{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}`,
		"an unknown one":  `{"keys": [{"kty": "XX"}]}`,
		"for encryption":  set(public("ec", k.ec), encryption),
		"a symmetric one": set(jose.JSONWebKey{Key: []byte("0123456789abcdef")}),
		"a private one":   set(jose.JSONWebKey{Key: k.ec}),
	} {
		require.ErrorIs(t, v.CheckKeys(text), fault.ErrInvalid, name)
	}
}

// FuzzToken has arbitrary texts verified; none is accepted.
func FuzzToken(f *testing.F) {
	k := keys()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public("ec", k.ec)}})
	require.NoError(f, err)
	issuer := trust.Issuer{
		URL: "https://a", KeySet: string(text), Audiences: []string{"a"}, Algorithms: trust.Algorithms(), Skew: time.Second,
	}
	for _, seed := range []string{
		part(`{"alg":"ES256","kid":"ec"}`) + "." + part(`{"iss":"https://a","sub":"b","aud":"a","exp":1e12}`) + "." + part(strings.Repeat("x", 64)),
		part(`{"alg":"none"}`) + "." + part(`{}`) + ".",
	} {
		f.Add(seed)
	}
	v := jwtverifier.New()
	f.Fuzz(func(t *testing.T, token string) {
		trust.NamedIssuer(token)
		_, err := v.Verify(t.Context(), token, issuer, noon)
		require.ErrorIs(t, err, trust.ErrTokenRejected)
	})
}
