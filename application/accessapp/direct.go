package accessapp

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
)

// A token of an issuer that is trusted directly is verified once. It then is like a key whose
// store is this memory and the policy: what is trusted now says what it allows.

// directToken is a verified token.
type directToken struct {
	id      string
	digest  [sha256.Size]byte
	issuer  trust.Issuer
	claims  trust.Claims
	created time.Time
}

// expires is when the token is no longer accepted.
func (t *directToken) expires() time.Time { return t.claims.Expires.Add(t.issuer.Skew) }

// keyUnder returns the key that stands for the token, nil where the policy does not trust it.
func (t *directToken) keyUnder(p trust.Policy) *access.APIKey {
	issuer, err := p.Issuer(t.issuer.ID)
	if err != nil || !issuer.Direct || !issuer.Equal(t.issuer) {
		return nil
	}
	bindings := p.Matching(issuer, t.claims)
	if len(bindings) == 0 {
		return nil
	}
	return access.RehydrateAPIKey(access.KeyAttributes{
		ID: t.id, Name: holderName(issuer.Name, t.claims.Subject),
		Grants: trust.GrantsOf(bindings), Created: t.created, Expires: t.expires(),
		Login: access.Login{BindingID: bindings[0].ID, IssuerID: issuer.ID, Subject: t.claims.Subject},
	}, t.digest[:], nil)
}

// authenticateToken returns the caller of a token whose issuer is trusted directly. Another
// token is access.ErrInvalidKey or trust.ErrTokenRejected, and one without a binding
// trust.ErrNotBound.
func (s *Service) authenticateToken(
	ctx context.Context, presented string, digest [sha256.Size]byte, now time.Time,
) (access.Caller, error) {
	id := access.DirectID(presented)
	if caller, cached, err := s.cachedCaller(id, digest, now, nil); cached {
		return caller, err
	}
	key, read, err := s.tokenKey(ctx, id, presented, digest, now)
	if err != nil {
		return access.Caller{}, err
	}
	caller := s.holder(key, key.Mark())
	if !read.IsZero() {
		s.mu.Lock()
		s.record(id, key, read)
		s.mu.Unlock()
	}
	s.cacheCaller(key, verified{digest: digest, until: key.Attributes().Expires, caller: caller}, now)
	return caller, nil
}

// tokenKey returns the key of a token that was verified before, or verifies it; read is the
// time of the policy in the second case.
func (s *Service) tokenKey(
	ctx context.Context, id, presented string, digest [sha256.Size]byte, now time.Time,
) (key *access.APIKey, read time.Time, err error) {
	s.mu.Lock()
	known := s.direct[id]
	s.mu.Unlock()
	if known != nil && known.digest == digest && now.Before(known.expires()) {
		key, err = s.find(ctx, id, freshness.MaxStaleness)
		if !errors.Is(err, access.ErrKeyNotFound) {
			return key, time.Time{}, err
		}
	}
	token, r, err := s.verifyDirect(ctx, presented, now)
	if err != nil {
		return nil, time.Time{}, err
	}
	token.id, token.digest = id, digest
	if key = token.keyUnder(r.policy); key == nil {
		return nil, time.Time{}, trust.ErrNotBound
	}
	s.remember(token)
	if s.deps.Logins != nil {
		s.deps.Logins.LoggedIn(key.Actor(), key.Attributes().Login)
	}
	return key, r.at, nil
}

func (s *Service) verifyDirect(ctx context.Context, presented string, now time.Time) (*directToken, reading, error) {
	url, named := trust.NamedIssuer(presented)
	if !named {
		return nil, reading{}, access.ErrInvalidKey
	}
	r, err := s.policyWithin(ctx, freshness.MaxStaleness)
	if err != nil {
		return nil, reading{}, err
	}
	issuer, ok := r.policy.IssuerOf(url)
	if !ok || !issuer.Direct {
		return nil, reading{}, access.ErrInvalidKey
	}
	claims, err := s.deps.Tokens.Verify(ctx, presented, issuer, now)
	if err != nil {
		return nil, reading{}, err
	}
	return &directToken{issuer: issuer, claims: claims, created: now}, r, nil
}

// remember keeps a verified token. Beyond maxKnown another one is forgotten, of some the one that
// ends first; its holder has it verified again.
func (s *Service) remember(token *directToken) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.direct == nil {
		s.direct = map[string]*directToken{}
	}
	if s.direct[token.id] == nil && len(s.direct) >= maxKnown {
		s.forgetToken()
	}
	s.direct[token.id] = token
	delete(s.unknowns.absent, token.id)
}

// forgetToken forgets one of the verified tokens. The caller holds the lock.
func (s *Service) forgetToken() {
	const sample = 16
	var first *directToken
	seen := 0
	for _, t := range s.direct {
		if first == nil || t.expires().Before(first.expires()) {
			first = t
		}
		if seen++; seen == sample {
			break
		}
	}
	delete(s.direct, first.id)
	delete(s.known, first.id)
}

// directWithin is the age of a reading of the policy that counts as a look-up of a token.
const directWithin = 100 * time.Millisecond

// keysAndTokens looks up keys in the store, and tokens in memory under the policy.
type keysAndTokens struct{ service *Service }

func (k keysAndTokens) find(ctx context.Context, id string) (*access.APIKey, error) {
	if !access.IsDirectID(id) {
		return k.service.deps.Keys.Find(ctx, id)
	}
	found, err := k.findAll(ctx, []string{id})
	switch {
	case err != nil:
		return nil, err
	case found[id] == nil:
		return nil, access.ErrKeyNotFound
	}
	return found[id], nil
}

func (k keysAndTokens) findAll(ctx context.Context, ids []string) (map[string]*access.APIKey, error) {
	var stored, direct []string
	for _, id := range ids {
		if access.IsDirectID(id) {
			direct = append(direct, id)
		} else {
			stored = append(stored, id)
		}
	}
	found := map[string]*access.APIKey{}
	if len(stored) > 0 {
		var err error
		if found, err = k.service.deps.Keys.FindAll(ctx, stored); err != nil {
			return nil, err
		}
	}
	if len(direct) == 0 {
		return found, nil
	}
	r, err := k.service.policyWithin(ctx, directWithin)
	if err != nil {
		return nil, err
	}
	k.service.mu.Lock()
	defer k.service.mu.Unlock()
	for _, id := range direct {
		if token := k.service.direct[id]; token != nil {
			if key := token.keyUnder(r.policy); key != nil {
				found[id] = key
			}
		}
	}
	return found, nil
}
