package accessapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Pass returns a pass for notifications about changed flags of an environment; the same
// text for an hour. It is valid as long as the secret that the caller has. It is empty for
// the holder of a token: another replica does not know the token, and could not admit the
// pass.
func (s *Service) Pass(ctx context.Context, by access.Caller, e scope.Environment) (string, error) {
	if access.IsDirectID(by.Actor.KeyID) {
		return "", nil
	}
	p := access.NewPass(by.Actor.KeyID, secretOf(by), e, s.deps.Clock.Now())
	s.mu.Lock()
	text, known := s.passes[p]
	s.mu.Unlock()
	if known {
		return text, nil
	}
	pepper, err := s.serverSecret(ctx)
	if err != nil {
		return "", err
	}
	text = p.Text(pepper)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.passes == nil || len(s.passes) >= maxKnown {
		s.passes = map[access.Pass]string{}
	}
	s.passes[p] = text
	return text, nil
}

// Admit returns the caller and the environment of a pass. A pass that is no longer valid,
// or its key, or the secret that it was issued for, is ErrInvalidKey, and one of a key that
// is not accepted from the origin ErrAddressNotAllowed.
func (s *Service) Admit(
	ctx context.Context, pass string, from access.Origin,
) (access.Caller, scope.Environment, error) {
	pepper, err := s.serverSecret(ctx)
	if err != nil {
		return access.Caller{}, scope.Environment{}, err
	}
	now := s.deps.Clock.Now()
	p, err := access.ParsePass(pass, pepper, now)
	if err != nil {
		return access.Caller{}, scope.Environment{}, err
	}
	if p.KeyID == "" {
		caller, err := s.Anonymous()
		return caller, p.Environment, err
	}
	key, err := s.find(ctx, p.KeyID, freshness.MaxStaleness)
	switch {
	case errors.Is(err, access.ErrKeyNotFound), err == nil && !key.HeldWith(p.Secret, now):
		return access.Caller{}, scope.Environment{}, access.ErrInvalidKey
	case err != nil:
		return access.Caller{}, scope.Environment{}, err
	}
	if !key.AcceptedFrom(from) {
		return rejected(key), scope.Environment{}, access.ErrAddressNotAllowed
	}
	return s.holder(key, p.Secret), p.Environment, nil
}

// secretOf returns the mark of the secret that a caller has, empty for one without a key.
func secretOf(by access.Caller) access.SecretMark {
	if v, keyed := by.Verdict.(*verdict); keyed {
		return v.secret
	}
	return ""
}
