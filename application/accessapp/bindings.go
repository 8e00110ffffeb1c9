package accessapp

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Binding is the input of SetBinding; nil fields leave what is there, or the default.
type Binding struct {
	// ID is that of a binding to change, or empty for a new one.
	ID       string
	Name     *string
	IssuerID *string
	Subjects *[]string
	Claims   *map[string][]string
	Grants   *[]Grant
	TTL      *time.Duration
}

// SetBinding gives grants to tokens, or changes for which tokens and which grants,
// everywhere within freshness.MaxStaleness. Keys of its logins end where anything but its
// name changes. Grants that the caller has not all are access.ErrTooMuchGranted, and a
// binding with such grants is trust.ErrBindingNotFound. It fails as trust.Policy.SetBinding
// does.
func (s *Service) SetBinding(ctx context.Context, by access.Caller, in Binding) (trust.Binding, error) {
	if err := by.RequireConfirmed(access.ManageKeys); err != nil {
		return trust.Binding{}, err
	}
	var grants []access.Grant
	if in.Grants != nil {
		var err error
		if grants, err = s.parseGrants(*in.Grants); err != nil {
			return trust.Binding{}, err
		}
	}
	now := s.deps.Clock.Now()
	var set trust.Binding
	err := s.changeTrust(ctx, func(p *trust.Policy) error {
		b, action, err := s.bindingToSet(by, *p, in.ID, now)
		if err != nil {
			return err
		}
		if b = in.applied(b); in.Grants != nil {
			b.Grants = grants
		}
		if err := p.SetBinding(b); err != nil {
			return aboutIssuer(err)
		}
		if set, err = p.Binding(b.ID); err != nil {
			return err
		}
		if err := mayTrust(by, access.Expand(set.Grants, s.deps.Policy.Added...)); err != nil {
			return err
		}
		p.Notes = append(p.Notes, trustNote(by, action, "binding", b.ID, b.Name, now, bindingFacts(b)))
		return nil
	})
	return set, err
}

// bindingToSet returns the binding of an id, or a new one for the empty id, and what setting
// it is in the audit log.
func (s *Service) bindingToSet(
	by access.Caller, p trust.Policy, id string, now time.Time,
) (b trust.Binding, action string, err error) {
	if id != "" {
		b, err = s.managedBinding(by, p, id)
		return b, bindingUpdated, err
	}
	return trust.Binding{
		ID: s.deps.IDs.Base62(access.KeyIDLength), Created: now, CreatedBy: by.Actor, TTL: trust.DefaultTTL,
	}, bindingCreated, nil
}

// aboutIssuer returns the error of a binding whose issuer does not exist as one of its field.
func aboutIssuer(err error) error {
	if errors.Is(err, trust.ErrIssuerNotFound) {
		return fault.Bad("issuer_id", "must be the id of an issuer that exists")
	}
	return err
}

func (in Binding) applied(b trust.Binding) trust.Binding {
	setIf(&b.Name, in.Name)
	setIf(&b.IssuerID, in.IssuerID)
	setIf(&b.Subjects, in.Subjects)
	setIf(&b.Claims, in.Claims)
	setIf(&b.TTL, in.TTL)
	return b
}

func (s *Service) coversGrants(by access.Caller, grants []access.Grant) bool {
	return access.Covers(by.Grants, access.Expand(grants, s.deps.Policy.Added...))
}

// managedBinding returns a binding that allows no more than the caller has.
func (s *Service) managedBinding(by access.Caller, p trust.Policy, id string) (trust.Binding, error) {
	b, err := p.Binding(id)
	if err == nil && !s.coversGrants(by, b.Grants) {
		return trust.Binding{}, access.Hidden(trust.ErrBindingNotFound)
	}
	return b, err
}

// Bindings returns the bindings that allow no more than the caller has, in the order of
// their names.
func (s *Service) Bindings(ctx context.Context, by access.Caller) ([]trust.Binding, error) {
	r, err := s.readTrust(ctx, by)
	if err != nil {
		return nil, err
	}
	hidden := func(b trust.Binding) bool { return !s.coversGrants(by, b.Grants) }
	return slices.DeleteFunc(slices.Clone(r.policy.Bindings), hidden), nil
}

// Binding returns a binding, or trust.ErrBindingNotFound, also where it allows more than the
// caller has.
func (s *Service) Binding(ctx context.Context, by access.Caller, id string) (trust.Binding, error) {
	r, err := s.readTrust(ctx, by)
	if err != nil {
		return trust.Binding{}, err
	}
	return s.managedBinding(by, r.policy, id)
}

// RemoveBinding removes a binding; the keys of its logins end. It fails as Binding does.
func (s *Service) RemoveBinding(ctx context.Context, by access.Caller, id string) error {
	if err := by.RequireConfirmed(access.ManageKeys); err != nil {
		return err
	}
	now := s.deps.Clock.Now()
	return s.changeTrust(ctx, func(p *trust.Policy) error {
		b, err := s.managedBinding(by, *p, id)
		if err != nil {
			return err
		}
		p.Notes = append(p.Notes, trustNote(by, bindingDeleted, "binding", b.ID, b.Name, now, bindingFacts(b)))
		return p.RemoveBinding(id)
	})
}

func bindingFacts(b trust.Binding) map[string]string {
	facts := map[string]string{
		"issuer_id": b.IssuerID, "subjects": strings.Join(b.Subjects, " "), "grants": grantsText(b.Grants),
		"ttl": b.TTL.String(),
	}
	var claims []string
	for _, pointer := range slices.Sorted(maps.Keys(b.Claims)) {
		claims = append(claims, pointer+"="+strings.Join(b.Claims[pointer], "|"))
	}
	if len(claims) > 0 {
		facts["claims"] = strings.Join(claims, " ")
	}
	return facts
}
