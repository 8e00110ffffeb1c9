package accessapp

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

const (
	// Grace is how long a cached key is accepted while the store is unavailable, for
	// actions that need no confirmation: reads from caches and renewals of leases.
	Grace = time.Hour
	// RotatedWithin is the age of a cached key up to which a token that it does not open is
	// rejected without a look-up.
	rotatedWithin = 100 * time.Millisecond
	// Bounds the keys that are remembered.
	maxKnown = 10_000
)

// Anonymous returns the caller without a key, or ErrUnauthenticated where every call
// needs one.
func (s *Service) Anonymous() (access.Caller, error) {
	switch {
	case !s.deps.Policy.Enabled:
		return access.Caller{Grants: access.Unrestricted(s.deps.Policy.Added...)}, nil
	case s.deps.Policy.AnonymousReads:
		return access.Caller{Grants: access.ReadOnly(s.deps.Policy.Added...)}, nil
	}
	return access.Caller{}, access.ErrUnauthenticated
}

// Authenticate returns the caller of a key. A key that is unknown, wrong, expired or
// revoked is ErrInvalidKey, also where anonymous callers may read. A revoked key works
// for freshness.MaxStaleness at most. While the store is slow or unavailable, a key that
// was read within Grace is accepted with an unconfirmed verdict. One that is not accepted
// from the origin, which may be nil, is ErrAddressNotAllowed. Too many unknown keys at once are
// fault.ErrRateLimited; a known one never is. In place of a key a token of an issuer that is
// trusted directly is accepted, and rejected as authenticateToken says. Where a key is rejected
// although its secret is right, the caller has its actor, and no rights.
func (s *Service) Authenticate(ctx context.Context, presented string, from access.Origin) (access.Caller, error) {
	if !s.deps.Policy.Enabled {
		return s.Anonymous()
	}
	now := s.deps.Clock.Now()
	digest := digestOf(presented)
	if id, ok := access.NamedKey(presented); ok {
		if caller, cached, err := s.cachedCaller(id, digest, now, from); cached {
			return caller, err
		}
	}
	if trust.IsToken(presented) {
		return s.authenticateToken(ctx, presented, digest, now)
	}
	token, err := access.ParseToken(presented)
	if err != nil {
		return access.Caller{}, err
	}
	pepper, err := s.serverSecret(ctx)
	if err != nil {
		return access.Caller{}, err
	}
	key, err := s.opened(ctx, token, pepper, now)
	if err != nil {
		return rejected(key), err
	}
	if !key.AcceptedFrom(from) {
		return rejected(key), access.ErrAddressNotAllowed
	}
	caller := s.holder(key, token.Mark(pepper))
	s.cacheCaller(key, verified{digest: digest, until: key.OpensUntil(token, pepper), caller: caller}, now)
	return caller, nil
}

// digestOf returns the SHA-256 of a text. One of a token's length is not allocated.
func digestOf(presented string) [sha256.Size]byte {
	var text [64]byte
	if len(presented) > len(text) {
		return sha256.Sum256([]byte(presented))
	}
	return sha256.Sum256(text[:copy(text[:], presented)])
}

// rejected returns the actor of a key, without rights; nil is for an unknown one.
func rejected(key *access.APIKey) access.Caller {
	if key == nil {
		return access.Caller{}
	}
	return access.Caller{Actor: key.Actor()}
}

// opened returns the key of a token. One that is not valid, although its secret is right,
// is returned with ErrInvalidKey. Where a cached key does not open, it is looked up
// again, because its secret may have been replaced, but not more often than every
// rotatedWithin.
func (s *Service) opened(
	ctx context.Context, token access.Token, pepper secret.Text, now time.Time,
) (*access.APIKey, error) {
	var invalid *access.APIKey
	for _, within := range []time.Duration{freshness.MaxStaleness, rotatedWithin} {
		key, err := s.find(ctx, token.KeyID(), within)
		switch {
		case errors.Is(err, access.ErrKeyNotFound):
			return nil, access.ErrInvalidKey
		case err != nil:
			return nil, err
		case key.Opens(token, pepper, now):
			return key, nil
		case key.Has(token, pepper):
			invalid = key
		}
	}
	return invalid, access.ErrInvalidKey
}

// holder returns the caller that holds a secret of a key.
func (s *Service) holder(key *access.APIKey, secret access.SecretMark) access.Caller {
	return access.Caller{
		Actor: key.Actor(), Grants: key.Grants(s.deps.Policy.Added...), Bounds: key.Attributes().Bounds(),
		Verdict: &verdict{service: s, key: key, secret: secret},
	}
}

// cachedCaller returns the cached caller of a token, or why it is rejected, while its key
// is fresh and valid.
func (s *Service) cachedCaller(
	id string, digest [sha256.Size]byte, now time.Time, from access.Origin,
) (caller access.Caller, cached bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.known[id]
	if !known.within(freshness.MaxStaleness, now) || known.verified == nil || !known.key.ValidAt(now) {
		return access.Caller{}, false, nil
	}
	v := known.verified
	expired := !v.until.IsZero() && !now.Before(v.until)
	if expired || subtle.ConstantTimeCompare(v.digest[:], digest[:]) != 1 {
		return access.Caller{}, false, nil
	}
	if !known.key.AcceptedFrom(from) {
		return rejected(known.key), true, access.ErrAddressNotAllowed
	}
	s.used(id, now)
	return v.caller, true, nil
}

// cacheCaller caches the caller beside its key.
func (s *Service) cacheCaller(key *access.APIKey, v verified, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := v.caller.Actor.KeyID
	s.used(id, now)
	if known := s.known[id]; known.key == key {
		known.verified = &v
		s.known[id] = known
	}
}
