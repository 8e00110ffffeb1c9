package jwtverifier

import (
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
	named, err := claimsOf(verified)
	if err != nil {
		return trust.Claims{}, trust.ErrTokenRejected.WithCause(err)
	}
	claims, ok := named.under(issuer, at)
	if !ok {
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
