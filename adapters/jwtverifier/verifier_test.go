package jwtverifier_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/jwtverifier"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// noon is the time of the tests.
var noon = fixture.Noon()

func part(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestVerifierContract(t *testing.T) {
	t.Parallel()
	contract.Verifier(t, func(*testing.T) trust.Verifier { return jwtverifier.New() })
}

func TestKeysAreReplaced(t *testing.T) {
	t.Parallel()
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	v := jwtverifier.New()
	old := fixture.SignedToken(t, jose.RS256, "rsa", k.RSA, p.Claims(noon, nil))
	fresh := fixture.SignedToken(t, jose.RS256, "new", k.Other, p.Claims(noon, nil))
	verify := func(token string, at time.Time) error {
		_, err := v.Verify(t.Context(), token, p.Trusted(), at)
		return err
	}
	require.NoError(t, verify(old, noon))
	p.Change(func(s *fixture.PartyState) { s.Keys = []jose.JSONWebKey{fixture.PublicKey("new", k.Other)} })
	require.ErrorIs(t, verify(fresh, noon.Add(jwtverifier.RefreshPause-time.Second)), trust.ErrTokenRejected)
	require.NoError(t, verify(fresh, noon.Add(jwtverifier.RefreshPause)))
	require.ErrorIs(t, verify(old, noon.Add(jwtverifier.RefreshPause)), trust.ErrTokenRejected, "it was withdrawn")
	assert.Equal(t, 2, p.Requests())
}

// TestKeysAreReplacedUnderTheirID has an issuer use another key with the id of the old one.
// Tokens that nobody has signed do not cause more than a request every RefreshPause.
func TestKeysAreReplacedUnderTheirID(t *testing.T) {
	t.Parallel()
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	v := jwtverifier.New()
	old := fixture.SignedToken(t, jose.RS256, "rsa", k.RSA, p.Claims(noon, nil))
	fresh := fixture.SignedToken(t, jose.RS256, "rsa", k.Other, p.Claims(noon, nil))
	verify := func(token string, at time.Time) error {
		_, err := v.Verify(t.Context(), token, p.Trusted(), at)
		return err
	}
	require.NoError(t, verify(old, noon))
	require.ErrorIs(t, verify(fresh, noon.Add(jwtverifier.RefreshPause)), trust.ErrTokenRejected, "nobody has signed it yet")
	for range 10 {
		require.ErrorIs(t, verify(fresh, noon.Add(jwtverifier.RefreshPause+time.Second)), trust.ErrTokenRejected)
	}
	require.Equal(t, 2, p.Requests())
	p.Change(func(s *fixture.PartyState) { s.Keys = []jose.JSONWebKey{fixture.PublicKey("rsa", k.Other)} })
	require.NoError(t, verify(fresh, noon.Add(2*jwtverifier.RefreshPause)))
	require.ErrorIs(t, verify(old, noon.Add(2*jwtverifier.RefreshPause)), trust.ErrTokenRejected, "it was withdrawn")
	require.Equal(t, 3, p.Requests())
	p.Change(func(s *fixture.PartyState) { s.Away = true })
	require.ErrorIs(t, verify(old, noon.Add(3*jwtverifier.RefreshPause)), trust.ErrTokenRejected, "its key is known")
}

// TestWithdrawnKeysAreForgotten presents a token of a withdrawn key after hours without any.
func TestWithdrawnKeysAreForgotten(t *testing.T) {
	t.Parallel()
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	v := jwtverifier.New()
	old := fixture.SignedToken(t, jose.RS256, "rsa", k.RSA, p.Claims(noon, map[string]any{"exp": noon.Add(48 * time.Hour).Unix()}))
	verify := func(at time.Time) error {
		_, err := v.Verify(t.Context(), old, p.Trusted(), at)
		return err
	}
	require.NoError(t, verify(noon))
	p.Change(func(s *fixture.PartyState) { s.Keys = []jose.JSONWebKey{fixture.PublicKey("new", k.Other)} })
	require.NoError(t, verify(noon.Add(jwtverifier.RefreshAfter)))
	require.ErrorIs(t, verify(noon.Add(jwtverifier.RefreshAfter+12*time.Hour)), trust.ErrTokenRejected)
}

func TestIssuersThatAreAway(t *testing.T) {
	t.Parallel()
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	v := jwtverifier.New()
	token := fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(noon, map[string]any{"exp": noon.Add(48 * time.Hour).Unix()}))
	verify := func(at time.Time) error {
		_, err := v.Verify(t.Context(), token, p.Trusted(), at)
		return err
	}
	p.Change(func(s *fixture.PartyState) { s.Away = true })
	require.ErrorIs(t, verify(noon), trust.ErrIssuerUnavailable)
	require.ErrorIs(t, verify(noon.Add(time.Second)), trust.ErrIssuerUnavailable, "without another request")
	p.Change(func(s *fixture.PartyState) { s.Away = false })
	at := noon.Add(jwtverifier.RefreshPause)
	require.NoError(t, verify(at))
	p.Change(func(s *fixture.PartyState) { s.Away = true })
	require.NoError(t, verify(at.Add(jwtverifier.MaxAge)))
	require.ErrorIs(t, verify(at.Add(jwtverifier.MaxAge+time.Minute)), trust.ErrIssuerUnavailable)
}

// TestIssuersThatHang has a bounded number of tokens wait for one.
func TestIssuersThatHang(t *testing.T) {
	t.Parallel()
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	hangs := make(chan struct{})
	p.Change(func(s *fixture.PartyState) { s.Hangs = hangs })
	v := jwtverifier.New()
	token := fixture.SignedToken(t, jose.ES256, "ec", k.EC, p.Claims(noon, nil))
	const more = 10
	results := make(chan error, jwtverifier.MaxWaiting+more)
	for range cap(results) {
		go func() {
			_, err := v.Verify(t.Context(), token, p.Trusted(), noon)
			results <- err
		}()
	}
	for range more {
		require.ErrorIs(t, <-results, trust.ErrIssuerUnavailable)
	}
	close(hangs)
	for range jwtverifier.MaxWaiting {
		require.NoError(t, <-results)
	}
}

func TestIssuersThatAnswerWrongly(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(s *fixture.PartyState){
		"another issuer":            func(s *fixture.PartyState) { s.Issuer = "https://evil.example.com" },
		"no keys":                   func(s *fixture.PartyState) { s.Keys = nil },
		"keys without TLS":          func(s *fixture.PartyState) { s.KeySet = "http://192.0.2.1/keys" },
		"keys in a file":            func(s *fixture.PartyState) { s.KeySet = "file:///etc/passwd" },
		"keys at a link-local name": func(s *fixture.PartyState) { s.KeySet = "https://169.254.169.254/keys" },
		"a redirect to such":        func(s *fixture.PartyState) { s.KeySet = s.Issuer + "/moved" },
		"a huge answer":             func(s *fixture.PartyState) { s.KeySet = s.Issuer + "/huge" },
		"nothing":                   func(s *fixture.PartyState) { s.KeySet = s.Issuer + "/nothing" },
		"symmetric keys": func(s *fixture.PartyState) {
			s.Keys = []jose.JSONWebKey{{KeyID: "ec", Key: []byte("0123456789abcdef0123456789abcdef")}}
		},
	} {
		p := fixture.NewParty(t)
		p.Change(edit)
		token := fixture.SignedToken(t, jose.ES256, "ec", fixture.KeysOfParties().EC, p.Claims(noon, nil))
		_, err := jwtverifier.New().Verify(t.Context(), token, p.Trusted(), noon)
		require.ErrorIs(t, err, trust.ErrIssuerUnavailable, name)
	}
}

// FuzzToken has arbitrary texts verified; none is accepted.
func FuzzToken(f *testing.F) {
	k := fixture.KeysOfParties()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{fixture.PublicKey("ec", k.EC)}})
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
