package accessapp

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// DefaultLifetime is how long a key is valid where nothing else is wanted.
const DefaultLifetime = 365 * 24 * time.Hour

// Issue is the input of Issue.
type Issue struct {
	Name   string
	Grants []Grant
	// Lifetime is how long the key is valid; 0 is for Expires.
	Lifetime time.Duration
	// Expires is when the key ends. The zero time is DefaultLifetime from now, or the end of
	// the caller's own key where that is earlier; or never where Forever is set.
	Expires   time.Time
	Forever   bool
	NotBefore time.Time
	// Networks are those from which the key is accepted, as addresses or with the length
	// of a prefix; none is for all.
	Networks []string
	Labels   map[string]string
}

// Issued is a key that was made, or has a new secret.
type Issued struct {
	// Token is shown here and never again.
	Token secret.Text
	access.KeyAttributes
}

// Issue makes a key. A caller without the right to manage keys is ErrForbidden, and one
// that has not all of the grants, ends earlier, or is accepted from fewer networks, is
// ErrTooMuchGranted. What access.NewAPIKey refuses, and
// an environment that is not supported, is ErrInvalid.
func (s *Service) Issue(ctx context.Context, by access.Caller, in Issue) (Issued, error) {
	if err := by.RequireConfirmed(access.ManageKeys); err != nil {
		return Issued{}, err
	}
	grants, grantsErr := s.parseGrants(in.Grants)
	networks, networksErr := parseNetworks(in.Networks)
	if err := fault.Merge(grantsErr, networksErr); err != nil {
		return Issued{}, err
	}
	now := s.deps.Clock.Now()
	token, err := s.draw()
	if err != nil {
		return Issued{}, err
	}
	key, err := s.build(ctx, token, access.KeyAttributes{
		Name: in.Name, Grants: grants, Created: now, CreatedBy: by.Actor, Expires: in.end(now, by.Bounds.Expires),
		NotBefore: in.NotBefore, Networks: networks, Labels: in.Labels,
	})
	if err != nil {
		return Issued{}, err
	}
	a := key.Attributes()
	if err := tooMuch(by.Exceeded(s.expanded(a), a.Bounds())); err != nil {
		return Issued{}, err
	}
	note(by, keyCreated, key, now)
	if err := s.deps.Keys.Create(ctx, key); err != nil {
		return Issued{}, err
	}
	return Issued{Token: token.Text(), KeyAttributes: key.Attributes()}, nil
}

// end returns when the key expires; own is when that of its author does.
func (in Issue) end(now, own time.Time) time.Time {
	switch {
	case in.Lifetime != 0:
		return now.Add(in.Lifetime)
	case !in.Expires.IsZero() || in.Forever:
		return in.Expires
	}
	end := now.Add(DefaultLifetime)
	if !own.IsZero() && own.Before(end) {
		return own
	}
	return end
}

// First makes the first admin key where there is no key at all, from the given token or,
// if that is empty, a new one. It never expires. First returns the token if it made it,
// and false where there were keys already.
func (s *Service) First(ctx context.Context, given secret.Text) (secret.Text, bool, error) {
	token, err := s.draw()
	if !given.IsZero() {
		token, err = access.ParseToken(given.Reveal())
	}
	if err != nil {
		return secret.Text{}, false, err
	}
	key, err := s.build(ctx, token, access.KeyAttributes{
		Name: "first admin", Grants: []access.Grant{{Role: access.RoleAdmin}}, Created: s.deps.Clock.Now(),
	})
	if err != nil {
		return secret.Text{}, false, err
	}
	note(access.Caller{Actor: scope.System()}, keyCreated, key, key.Attributes().Created)
	made, err := s.deps.Keys.CreateFirst(ctx, key)
	return token.Text(), made, err
}

// Draw returns a new token, which is no key yet.
func (s *Service) Draw() (secret.Text, error) {
	token, err := s.draw()
	return token.Text(), err
}

func (s *Service) draw() (access.Token, error) {
	return s.drawFor(s.deps.IDs.Base62(access.KeyIDLength))
}

// drawFor returns a new token for the key of an id.
func (s *Service) drawFor(id string) (access.Token, error) {
	return access.NewToken(id, s.deps.IDs.Base62(access.SecretLength))
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
