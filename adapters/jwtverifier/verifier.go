package jwtverifier

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// maxIssuers bounds the issuers whose keys are kept: more than can be trusted at once.
const maxIssuers = 2 * trust.MaxIssuers

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct {
	client *http.Client

	mu      sync.Mutex
	sources map[string]*source
}

var _ trust.Verifier = (*Verifier)(nil)

// New returns a verifier.
func New() *Verifier { return &Verifier{client: newClient(), sources: map[string]*source{}} }

// Verify returns the claims of a token, as trust.Verifier promises.
func (v *Verifier) Verify(ctx context.Context, token string, issuer trust.Issuer, at time.Time) (trust.Claims, error) {
	if !trust.IsToken(token) {
		return trust.Claims{}, trust.ErrTokenRejected
	}
	keys, err := v.keysOf(issuer, at)
	if err != nil {
		return trust.Claims{}, err
	}
	// Issuer, audience and times are checked below: an issuer has several audiences, and a
	// tolerance of its own.
	verifier := oidc.NewVerifier(issuer.URL, keys, &oidc.Config{
		SupportedSigningAlgs: issuer.Algorithms, SkipClientIDCheck: true, SkipExpiryCheck: true, SkipIssuerCheck: true,
	})
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		if unavailable := keys.unavailable(); unavailable != nil {
			return trust.Claims{}, trust.ErrIssuerUnavailable.WithCause(unavailable)
		}
		return trust.Claims{}, trust.ErrTokenRejected.WithCause(err)
	}
	claims, err := claimsOf(verified)
	if err != nil || !isFor(verified, issuer) || !isAt(verified, claims, issuer, at) {
		return trust.Claims{}, trust.ErrTokenRejected
	}
	return claims, nil
}

// keysOf returns the keys of an issuer: the given ones, or a source that finds them.
func (v *Verifier) keysOf(issuer trust.Issuer, at time.Time) (keySet, error) {
	if issuer.KeySet != "" {
		keys, err := parseKeys([]byte(issuer.KeySet))
		return givenKeys{keys}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	known := v.sources[issuer.URL]
	if known == nil {
		if len(v.sources) >= maxIssuers {
			clear(v.sources)
		}
		known = &source{client: v.client, url: issuer.URL}
		v.sources[issuer.URL] = known
	}
	return &discoveredKeys{source: known, at: at}, nil
}

// CheckKeys returns fault.ErrInvalid for a key set that has a key which cannot be used.
func (*Verifier) CheckKeys(text string) error {
	keys, err := parseKeys([]byte(text))
	if err != nil || slices.ContainsFunc(keys, unusable) {
		return fault.Bad("jwks", "must be a JSON Web Key Set (RFC 7517) of well-formed public keys")
	}
	var given struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal([]byte(text), &given) != nil || len(given.Keys) != len(keys) {
		return fault.Bad("jwks", "must have keys that are well-formed and for signatures (use sig)")
	}
	return nil
}

// isFor reports whether a token is of the issuer, for one of its audiences and about a
// subject that can be shown.
func isFor(token *oidc.IDToken, issuer trust.Issuer) bool {
	named := func(audience string) bool { return slices.Contains(issuer.Audiences, audience) }
	return token.Issuer == issuer.URL && slices.ContainsFunc(token.Audience, named) &&
		token.Subject != "" && len(token.Subject) <= trust.MaxTextBytes
}

// isAt reports whether a token is valid at a time. It has to have an end (RFC 7519 section
// 4.1.4); a beginning and a time of issue that lie in the future are refused.
func isAt(token *oidc.IDToken, claims trust.Claims, issuer trust.Issuer, at time.Time) bool {
	begins, given, ok := secondsOf(claims.All["nbf"])
	return ok && !token.Expiry.IsZero() && at.Before(token.Expiry.Add(issuer.Skew)) &&
		!token.IssuedAt.After(at.Add(issuer.Skew)) && (!given || !begins.After(at.Add(issuer.Skew)))
}

// secondsOf returns the time of a claim (NumericDate, RFC 7519 section 2), whether there is
// one, and false for a claim that is no time.
func secondsOf(claim any) (at time.Time, given, ok bool) {
	if claim == nil {
		return time.Time{}, false, true
	}
	number, isNumber := claim.(json.Number)
	seconds, err := number.Float64()
	const most = 1 << 40 // some 35,000 years
	if !isNumber || err != nil || seconds < 0 || seconds > most {
		return time.Time{}, true, false
	}
	return time.Unix(int64(seconds), 0), true, true
}

func claimsOf(token *oidc.IDToken) (trust.Claims, error) {
	var body json.RawMessage
	if err := token.Claims(&body); err != nil {
		return trust.Claims{}, trust.ErrTokenRejected.WithCause(err)
	}
	claims := trust.Claims{Subject: token.Subject, Expires: token.Expiry}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&claims.All); err != nil {
		return trust.Claims{}, trust.ErrTokenRejected.WithCause(err)
	}
	return claims, nil
}
