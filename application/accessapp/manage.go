package accessapp

import (
	"context"
	"net/netip"
	"time"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Listing is a page of keys, with the number of all that the caller may manage.
type Listing = versioned.Page[access.KeyAttributes]

// covers reports whether a caller may manage a key: it has all that the key allows.
func (s *Service) covers(by access.Caller, key access.KeyAttributes) bool {
	key.Damaged = false // what an unreadable key would allow is unknown, and nothing
	return access.Covers(by.Grants, key.Expanded(s.deps.Policy.Added...))
}

// managed returns nil when a caller may manage a key. A key that allows more than the
// caller has is ErrKeyNotFound.
func (s *Service) managed(by access.Caller, key access.KeyAttributes) error {
	if !s.covers(by, key) {
		return access.HiddenFrom(access.ManageKeys, access.Resource{}, access.ErrKeyNotFound)
	}
	return nil
}

// Read returns a key. An unknown one, and one that allows more than the caller has, is
// ErrKeyNotFound.
func (s *Service) Read(ctx context.Context, by access.Caller, id string) (access.KeyAttributes, error) {
	if err := by.RequireConfirmed(access.ManageKeys); err != nil {
		return access.KeyAttributes{}, err
	}
	key, err := s.deps.Keys.Find(ctx, id)
	if err != nil {
		return access.KeyAttributes{}, err
	}
	return key.Attributes(), s.managed(by, key.Attributes())
}

// List returns a page of the keys that allow no more than the caller has, the oldest
// first.
func (s *Service) List(ctx context.Context, by access.Caller, w scope.Window) (Listing, error) {
	if err := page.Check(w, 1); err != nil {
		return Listing{}, err
	}
	if err := by.RequireConfirmed(access.ManageKeys); err != nil {
		return Listing{}, err
	}
	attributes := func(k *access.APIKey) access.KeyAttributes { return k.Attributes() }
	if access.Covers(by.Grants, access.Unrestricted(s.deps.Policy.Added...)) {
		found, err := s.deps.Keys.List(ctx, w)
		return versioned.Map(found, attributes), err
	}
	return s.listCovered(ctx, by, w)
}

// listCovered is List for a caller that may manage some keys only, which the store cannot
// select.
func (s *Service) listCovered(ctx context.Context, by access.Caller, w scope.Window) (Listing, error) {
	var out Listing
	reached := len(w.After) == 0
	all := scope.Window{Limit: page.MaxLimit}
	for {
		found, err := s.deps.Keys.List(ctx, all)
		if err != nil {
			return Listing{}, err
		}
		for i, key := range found.Items {
			a := key.Attributes()
			if !s.covers(by, a) {
				continue
			}
			out.Total++
			switch {
			case !reached:
				reached = a.ID == w.After[0]
			case w.Offset > 0:
				w.Offset--
			case len(out.Items) == w.Limit:
				out.More = true
			default:
				out.Items, out.Positions = append(out.Items, a), append(out.Positions, found.Positions[i])
			}
		}
		if !found.More {
			return out, nil
		}
		all.After = found.Positions[len(found.Positions)-1]
	}
}

// Any reports whether there is a key, also a revoked one.
func (s *Service) Any(ctx context.Context) (bool, error) {
	keys, err := s.deps.Keys.List(ctx, scope.Window{Limit: 1})
	return len(keys.Items) > 0, err
}

// Amend is the input of Amend; nil fields leave what is there.
type Amend struct {
	ID     string
	Name   *string
	Grants *[]Grant
	// NotBefore and Expires are zero for at once and never.
	NotBefore, Expires *time.Time
	Networks           *[]string
	Labels             *map[string]string
	// Force allows the change of the last admin key.
	Force bool
}

// Amend changes a key, everywhere within freshness.MaxStaleness. It fails as Read and
// Issue do; a key that is only narrowed may still exceed the caller's. A change after
// which no key could manage the others is ErrLastAdmin, unless it is forced; a revoked key
// is ErrKeyRevoked.
func (s *Service) Amend(ctx context.Context, by access.Caller, in Amend) (access.KeyAttributes, error) {
	m := access.Amendment{Name: in.Name, NotBefore: in.NotBefore, Expires: in.Expires, Labels: in.Labels}
	var grantsErr, networksErr error
	if in.Grants != nil {
		if m.Grants, grantsErr = s.parseGrants(*in.Grants); m.Grants == nil {
			m.Grants = []access.Grant{}
		}
	}
	if in.Networks != nil {
		m.Networks = new([]netip.Prefix(nil))
		*m.Networks, networksErr = parseNetworks(*in.Networks)
	}
	if err := fault.Merge(grantsErr, networksErr); err != nil {
		return access.KeyAttributes{}, err
	}
	return s.change(ctx, by, keyUpdated, in.ID, in.Force, func(key *access.APIKey, now time.Time) error {
		before := key.Attributes()
		if err := key.Amend(m, now); err != nil {
			return err
		}
		after := key.Attributes()
		if access.Covers(s.expanded(before), s.expanded(after)) && before.Bounds().Exceeded(after.Bounds()) == nil {
			return nil // each caller that manages a key may narrow it
		}
		return tooMuch(by.Exceeded(s.expanded(after), after.Bounds()))
	})
}

func (s *Service) expanded(a access.KeyAttributes) []access.Grant {
	return a.Expanded(s.deps.Policy.Added...)
}

// tooMuch returns ErrTooMuchGranted with the attributes that exceed the author's, nil for
// none.
func tooMuch(exceeded []string) error {
	if exceeded == nil {
		return nil
	}
	return access.ErrTooMuchGranted.WithDetail("exceeded", exceeded)
}

// Rotate gives a key a new secret; the one before stays valid for the overlap, 0 to
// access.MaxOverlap. It fails as Read does; a revoked key is ErrKeyRevoked. The secret of
// a key that ends later than the caller's, or is accepted from other networks, is
// ErrTooMuchGranted, and a second overlap during a first access.ErrOverlapping.
func (s *Service) Rotate(ctx context.Context, by access.Caller, id string, overlap time.Duration) (Issued, error) {
	if err := by.RequireConfirmed(access.ManageKeys); err != nil {
		return Issued{}, err
	}
	if len(id) != access.KeyIDLength {
		return Issued{}, access.ErrKeyNotFound
	}
	token, err := s.drawFor(id)
	if err != nil {
		return Issued{}, access.ErrKeyNotFound
	}
	pepper, err := s.serverSecret(ctx)
	if err != nil {
		return Issued{}, err
	}
	a, err := s.change(ctx, by, keyRotated, id, false, func(key *access.APIKey, now time.Time) error {
		if err := tooMuch(by.Bounds.Exceeded(key.Attributes().Bounds())); err != nil {
			return err
		}
		return key.Rotate(token, pepper, overlap, now)
	})
	if err != nil {
		return Issued{}, err
	}
	return Issued{Token: token.Text(), KeyAttributes: a}, nil
}

// Revoke ends a key, everywhere within freshness.MaxStaleness. It fails as Read does; a
// key that is revoked already stays so. The last admin key is ErrLastAdmin, unless it is
// forced.
func (s *Service) Revoke(ctx context.Context, by access.Caller, id string, force bool) error {
	_, err := s.change(ctx, by, keyRevoked, id, force, func(key *access.APIKey, now time.Time) error {
		key.Revoke(now)
		return nil
	})
	return err
}

// change changes a key that the caller may manage.
func (s *Service) change(
	ctx context.Context, by access.Caller, action, id string, force bool,
	apply func(*access.APIKey, time.Time) error,
) (access.KeyAttributes, error) {
	if err := by.RequireConfirmed(access.ManageKeys); err != nil {
		return access.KeyAttributes{}, err
	}
	now := s.deps.Clock.Now()
	key, err := s.deps.Keys.Change(ctx, id, now, func(key *access.APIKey, another bool) error {
		if err := s.managed(by, key.Attributes()); err != nil {
			return err
		}
		before := key.Attributes()
		if err := apply(key, now); err != nil {
			return err
		}
		if !another && !force && key.Attributes().EndsAdmin(before, now) {
			return access.ErrLastAdmin
		}
		note(by, action, key, now)
		return nil
	})
	if err != nil {
		return access.KeyAttributes{}, err
	}
	s.changedHere(key)
	return key.Attributes(), nil
}
