package contract

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// Verifier tests a verifier of tokens against trust.Verifier. It must be allowed to dial
// loopback, where the suite's issuers are.
func Verifier(t *testing.T, fresh func(*testing.T) trust.Verifier) {
	t.Helper()
	run(t, verifierSuite(), fresh, nil)
}

func verifierSuite() []behaviour[trust.Verifier] {
	return []behaviour[trust.Verifier]{
		{"tokens of an issuer are accepted, whichever of its keys has signed them", tokensAccepted},
		{"forged and expired tokens, and those for others, are ErrTokenRejected", tokensForged},
		{"claims are read by their names to the letter, and crit and b64 are ErrTokenRejected", tokensThatAreNoJWT},
		{"the keys of an issuer can be given", tokensOfGivenKeys},
		{"an issuer that does not answer is ErrIssuerUnavailable", issuerAway},
	}
}

func part(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func tokensAccepted(t *testing.T, v trust.Verifier) {
	noon := fixture.Noon()
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	for name, token := range map[string]string{
		"RS256":              fixture.SignedToken(t, jose.RS256, "rsa", k.RSA, p.Claims(noon, nil)),
		"PS256":              fixture.SignedToken(t, jose.PS256, "rsa", k.RSA, p.Claims(noon, nil)),
		"ES256":              fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(noon, nil)),
		"EdDSA":              fixture.SignedToken(t, jose.EdDSA, "ed", k.Ed, p.Claims(noon, nil)),
		"no key id":          fixture.SignedToken(t, jose.ES256, "", k.EC, p.Claims(noon, nil)),
		"several audiences":  fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(noon, map[string]any{"aud": []string{"x", "other"}})),
		"just ended":         fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(noon, map[string]any{"exp": noon.Add(-29 * time.Second).Unix()})),
		"begins in a moment": fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(noon, map[string]any{"nbf": noon.Add(29 * time.Second).Unix()})),
		"no time of issue":   fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(noon, map[string]any{"iat": nil})),
	} {
		claims, err := v.Verify(t.Context(), token, p.Trusted(), noon)
		require.NoError(t, err, name)
		assert.Equal(t, "repo:acme/shop", claims.Subject, name)
		assert.Equal(t, "acme/shop", claims.All["repository"], name)
	}
	assert.Equal(t, 1, p.Requests(), "the keys are requested once")
}

func tokensForged(t *testing.T, v trust.Verifier) {
	noon := fixture.Noon()
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	der, err := x509.MarshalPKIXPublicKey(k.RSA.Public())
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	right := fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(noon, nil))
	parts := strings.Split(right, ".")
	body, err := json.Marshal(p.Claims(noon, nil))
	require.NoError(t, err)
	with := func(edit map[string]any) string {
		return fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(noon, edit))
	}
	for name, token := range map[string]string{
		"empty":                            "",
		"no token":                         "a.b.c",
		"no signature":                     parts[0] + "." + parts[1] + ".",
		"alg none":                         part(`{"alg":"none"}`) + "." + part(string(body)) + ".",
		"alg None":                         part(`{"alg":"None","kid":"ec"}`) + "." + part(string(body)) + "." + parts[2],
		"another payload":                  parts[0] + "." + part(strings.Replace(string(body), "acme", "evil", 1)) + "." + parts[2],
		"another header":                   part(`{"alg":"RS256","kid":"rsa"}`) + "." + parts[1] + "." + parts[2],
		"HMAC with the public key as PEM":  fixture.SignedToken(t, jose.HS256, "rsa", text, p.Claims(noon, nil)),
		"HMAC with the public key as DER":  fixture.SignedToken(t, jose.HS256, "rsa", der, p.Claims(noon, nil)),
		"the key of nobody":                fixture.SignedToken(t, jose.RS256, "rsa", k.Other, p.Claims(noon, nil)),
		"the key of nobody, no id":         fixture.SignedToken(t, jose.RS256, "", k.Other, p.Claims(noon, nil)),
		"an unknown key id":                fixture.SignedToken(t, jose.RS256, "new", k.Other, p.Claims(noon, nil)),
		"its own key in the header":        signedByEmbeddedKey(t, body),
		"an algorithm that is not trusted": fixture.SignedToken(t, jose.RS512, "rsa", k.RSA, p.Claims(noon, nil)),
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
		_, err := v.Verify(t.Context(), token, p.Trusted(), noon)
		require.ErrorIs(t, err, trust.ErrTokenRejected, name)
		assert.NotContains(t, fault.Of(err).Message(), "acme", name)
	}
	_, err = v.Verify(t.Context(), right, p.Trusted(), noon)
	require.NoError(t, err, "the right one is still accepted")
	assert.Equal(t, 1, p.Requests(), "no forged token has the keys requested again at once")
}

// tokensThatAreNoJWT have claims and headers that lenient readers accept.
func tokensThatAreNoJWT(t *testing.T, v trust.Verifier) {
	noon := fixture.Noon()
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	body, err := json.Marshal(p.Claims(noon, nil))
	require.NoError(t, err)
	with := func(edit map[string]any) string {
		return fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(noon, edit))
	}
	for name, token := range map[string]string{
		"a subject in capitals":           with(map[string]any{"sub": nil, "SUB": "repo:acme/shop"}),
		"an audience in capitals":         with(map[string]any{"aud": nil, "AUD": "signalbox"}),
		"an end in capitals":              with(map[string]any{"exp": nil, "EXP": noon.Add(time.Hour).Unix()}),
		"an issuer with a long s":         with(map[string]any{"iss": "https://evil.example.com", "i\u017fs": p.URL}),
		"an end that is a text of digits": with(map[string]any{"exp": strconv.FormatInt(noon.Add(time.Hour).Unix(), 10)}),
		"issued beyond all times":         with(map[string]any{"iat": 1e19}),
		"a payload that is not encoded":   signedWithHeader(t, body, "b64", false),
		"an unknown critical header":      signedWithHeader(t, body, "crit", []string{"exp"}),
	} {
		_, err := v.Verify(t.Context(), token, p.Trusted(), noon)
		require.ErrorIs(t, err, trust.ErrTokenRejected, name)
	}
	claims, err := v.Verify(t.Context(), with(map[string]any{"\u017fub": "admin", "i\u017fs": "x"}), p.Trusted(), noon)
	require.NoError(t, err, "further claims with similar names")
	assert.Equal(t, "repo:acme/shop", claims.Subject)
}

// signedWithHeader returns a token with one more header.
func signedWithHeader(t *testing.T, body []byte, name jose.HeaderKey, value any) string {
	t.Helper()
	header, err := json.Marshal(map[jose.HeaderKey]any{"alg": jose.EdDSA, "kid": "ed", name: value})
	require.NoError(t, err)
	head := part(string(header)) + "."
	signed := head + part(string(body))
	if name == "b64" { // RFC 7797 section 3: it is the payload as it is that was signed
		signed = head + string(body)
	}
	return head + part(string(body)) + "." + part(string(ed25519.Sign(fixture.KeysOfParties().Ed, []byte(signed))))
}

// signedByEmbeddedKey returns a token that names the key which has signed it.
func signedByEmbeddedKey(t *testing.T, body []byte) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: fixture.KeysOfParties().Other},
		&jose.SignerOptions{EmbedJWK: true})
	require.NoError(t, err)
	token, err := signer.Sign(body)
	require.NoError(t, err)
	compact, err := token.CompactSerialize()
	require.NoError(t, err)
	return compact
}

func tokensOfGivenKeys(t *testing.T, v trust.Verifier) {
	noon := fixture.Noon()
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	set := func(list ...jose.JSONWebKey) string {
		text, err := json.Marshal(jose.JSONWebKeySet{Keys: list})
		require.NoError(t, err)
		return string(text)
	}
	issuer := p.Trusted()
	issuer.KeySet = set(fixture.PublicKey("ec", k.EC), fixture.PublicKey("rsa", k.RSA))
	require.NoError(t, v.CheckKeys(issuer.KeySet))
	p.Change(func(s *fixture.PartyState) { s.Away = true })
	_, err := v.Verify(t.Context(), fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(noon, nil)), issuer, noon)
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), fixture.SignedToken(t, jose.RS256, "rsa", k.Other, p.Claims(noon, nil)), issuer, noon)
	require.ErrorIs(t, err, trust.ErrTokenRejected)
	_, err = v.Verify(t.Context(), fixture.SignedToken(t, jose.RS256, "ec", k.RSA, p.Claims(noon, nil)), issuer, noon)
	require.ErrorIs(t, err, trust.ErrTokenRejected, "the id of another key")

	encryption := fixture.PublicKey("enc", k.RSA)
	encryption.Use = "enc"
	for name, text := range map[string]string{
		"no JSON":         "x",
		"no keys":         `{"keys": []}`,
		"a broken key":    `{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}`,
		"an unknown one":  `{"keys": [{"kty": "XX"}]}`,
		"for encryption":  set(fixture.PublicKey("ec", k.EC), encryption),
		"a symmetric one": set(jose.JSONWebKey{Key: []byte("0123456789abcdef")}),
		"a private one":   set(jose.JSONWebKey{Key: k.EC}),
	} {
		require.ErrorIs(t, v.CheckKeys(text), fault.ErrInvalid, name)
	}
}

func issuerAway(t *testing.T, v trust.Verifier) {
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	p.Change(func(s *fixture.PartyState) { s.Away = true })
	at := fixture.Noon()
	_, err := v.Verify(t.Context(), fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(at, nil)), p.Trusted(), at)
	require.ErrorIs(t, err, trust.ErrIssuerUnavailable)
}
