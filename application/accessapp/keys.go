package accessapp

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Issue is the input of Issue.
type Issue struct {
	Name string
	// Role is "admin", "reader", "service" or "evaluator".
	Role string
	// Reveal allows a reader or a service to read encrypted values.
	Reveal bool
	// Environment is the one that an evaluator is bound to, and empty for other roles.
	Environment string
	// Lifetime is how long the key is valid; 0 is for ever.
	Lifetime time.Duration
	// Expires is when the key ends, where there is no Lifetime; the zero time is never.
	Expires time.Time
}

// Issue makes a key and returns its token, which is shown here and never again. What
// access.NewAPIKey refuses, and an environment that is not supported, is ErrInvalid.
func (s *Service) Issue(ctx context.Context, in Issue) (secret.Text, access.KeyAttributes, error) {
	role, err := access.ParseRole(in.Role)
	if err != nil {
		return secret.Text{}, access.KeyAttributes{}, err
	}
	attributes := access.KeyAttributes{
		Name: in.Name, Role: role, Reveal: in.Reveal, Created: s.deps.Clock.Now(), Expires: in.Expires,
	}
	if in.Environment != "" {
		if attributes.Environment, err = s.deps.Policy.Environments.Parse(in.Environment); err != nil {
			return secret.Text{}, access.KeyAttributes{}, err
		}
	}
	if in.Lifetime != 0 {
		attributes.Expires = attributes.Created.Add(in.Lifetime)
	}
	token, err := s.draw()
	if err != nil {
		return secret.Text{}, access.KeyAttributes{}, err
	}
	key, err := s.build(ctx, token, attributes)
	if err != nil {
		return secret.Text{}, access.KeyAttributes{}, err
	}
	if err := s.deps.Keys.Create(ctx, key); err != nil {
		return secret.Text{}, access.KeyAttributes{}, err
	}
	return token.Text(), key.Attributes(), nil
}

// List returns all keys, the oldest first.
func (s *Service) List(ctx context.Context) ([]access.KeyAttributes, error) {
	keys, err := s.deps.Keys.List(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]access.KeyAttributes, len(keys))
	for i, k := range keys {
		list[i] = k.Attributes()
	}
	return list, nil
}

// Revoke ends a key, everywhere within freshness.MaxStaleness. An unknown id is ErrKeyNotFound; a
// key that is revoked already stays so.
func (s *Service) Revoke(ctx context.Context, id string) error {
	return s.deps.Keys.Revoke(ctx, id, s.deps.Clock.Now())
}

// First makes the first admin key where there is no key at all, from the given
// token or, if that is empty, a new one. It returns the token if it made it, and
// false where there were keys already.
func (s *Service) First(ctx context.Context, given secret.Text) (secret.Text, bool, error) {
	token, err := s.draw()
	if !given.IsZero() {
		token, err = access.ParseToken(given.Reveal())
	}
	if err != nil {
		return secret.Text{}, false, err
	}
	key, err := s.build(ctx, token, access.KeyAttributes{
		Name: "first admin", Role: access.RoleAdmin, Created: s.deps.Clock.Now(),
	})
	if err != nil {
		return secret.Text{}, false, err
	}
	made, err := s.deps.Keys.CreateFirst(ctx, key)
	return token.Text(), made, err
}

// Any reports whether there is a key, also a revoked one.
func (s *Service) Any(ctx context.Context) (bool, error) {
	keys, err := s.deps.Keys.List(ctx)
	return len(keys) > 0, err
}

// Draw returns a new token, which is no key yet.
func (s *Service) Draw() (secret.Text, error) {
	token, err := s.draw()
	return token.Text(), err
}

func (s *Service) draw() (access.Token, error) {
	return access.NewToken(s.deps.IDs.Base62(access.KeyIDLength), s.deps.IDs.Base62(access.SecretLength))
}

func (s *Service) build(
	ctx context.Context, token access.Token, attributes access.KeyAttributes,
) (*access.APIKey, error) {
	pepper, err := s.serverSecret(ctx)
	if err != nil {
		return nil, err
	}
	return access.NewAPIKey(token, pepper, attributes)
}
