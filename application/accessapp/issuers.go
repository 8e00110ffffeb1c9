package accessapp

import (
	"context"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/audit"
)

// Issuer is the input of SetIssuer; nil fields leave what is there, or the default.
type Issuer struct {
	// ID is that of an issuer to change, or empty for a new one.
	ID         string
	Name, URL  *string
	KeySet     *string
	Audiences  *[]string
	Algorithms *[]string
	Skew       *time.Duration
	Direct     *bool
}

// requireEverything returns nil for a caller that may manage keys which allow everything: a
// caller that can change an issuer can have every grant of its bindings.
func (s *Service) requireEverything(by access.Caller) error {
	if err := by.RequireConfirmed(access.ManageKeys); err != nil {
		return err
	}
	return mayTrust(by, access.Unrestricted(s.deps.Policy.Added...))
}

// mayTrust returns nil for a caller that may give grants to tokens: it has them itself, from
// everywhere. What is trusted can last longer than the caller's key.
func mayTrust(by access.Caller, grants []access.Grant) error {
	return tooMuch(by.Exceeded(grants, access.Bounds{Expires: by.Bounds.Expires}))
}

// SetIssuer trusts an issuer, or changes one, everywhere within freshness.MaxStaleness. The
// caller has to have all rights everywhere, else it is access.ErrTooMuchGranted. The keys of
// its logins end where anything but its name changes. It fails as trust.Policy.SetIssuer does.
func (s *Service) SetIssuer(ctx context.Context, by access.Caller, in Issuer) (trust.Issuer, error) {
	if err := s.requireEverything(by); err != nil {
		return trust.Issuer{}, err
	}
	if in.KeySet != nil && *in.KeySet != "" {
		if err := s.deps.Tokens.CheckKeys(*in.KeySet); err != nil {
			return trust.Issuer{}, err
		}
	}
	now := s.deps.Clock.Now()
	var set trust.Issuer
	err := s.changeTrust(ctx, func(p *trust.Policy) (err error) {
		i, action := trust.Issuer{
			ID: s.deps.IDs.Base62(access.KeyIDLength), Created: now, CreatedBy: by.Actor, Skew: trust.DefaultSkew,
			Algorithms: trust.DefaultAlgorithms(),
		}, issuerCreated
		if in.ID != "" {
			if i, err = p.Issuer(in.ID); err != nil {
				return err
			}
			action = issuerUpdated
		}
		i = in.applied(i)
		if err := p.SetIssuer(i); err != nil {
			return err
		}
		set, err = p.Issuer(i.ID)
		p.Notes = append(p.Notes, trustNote(by, action, "issuer", i.ID, i.Name, now, issuerFacts(i)))
		return err
	})
	return set, err
}

func (in Issuer) applied(i trust.Issuer) trust.Issuer {
	setIf(&i.Name, in.Name)
	setIf(&i.URL, in.URL)
	setIf(&i.KeySet, in.KeySet)
	setIf(&i.Audiences, in.Audiences)
	setIf(&i.Algorithms, in.Algorithms)
	setIf(&i.Skew, in.Skew)
	setIf(&i.Direct, in.Direct)
	return i
}

func setIf[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// Issuers returns the issuers in the order of their names.
func (s *Service) Issuers(ctx context.Context, by access.Caller) ([]trust.Issuer, error) {
	r, err := s.readTrust(ctx, by)
	return r.policy.Issuers, err
}

// Issuer returns an issuer, or trust.ErrIssuerNotFound.
func (s *Service) Issuer(ctx context.Context, by access.Caller, id string) (trust.Issuer, error) {
	r, err := s.readTrust(ctx, by)
	if err != nil {
		return trust.Issuer{}, err
	}
	return r.policy.Issuer(id)
}

// RemoveIssuer ends the trust in an issuer. One that has bindings is trust.ErrIssuerInUse.
func (s *Service) RemoveIssuer(ctx context.Context, by access.Caller, id string) error {
	if err := s.requireEverything(by); err != nil {
		return err
	}
	now := s.deps.Clock.Now()
	return s.changeTrust(ctx, func(p *trust.Policy) error {
		i, err := p.Issuer(id)
		if err != nil {
			return err
		}
		p.Notes = append(p.Notes, trustNote(by, issuerDeleted, "issuer", i.ID, i.Name, now, issuerFacts(i)))
		return p.RemoveIssuer(id)
	})
}

// readTrust reads what is trusted, for a caller that manages keys.
func (s *Service) readTrust(ctx context.Context, by access.Caller) (reading, error) {
	if err := by.RequireConfirmed(access.ManageKeys); err != nil {
		return reading{}, err
	}
	loaded := s.loadPolicy(ctx)
	return loaded, loaded.err
}

// changeTrust changes what is trusted. This replica knows it from then on.
func (s *Service) changeTrust(ctx context.Context, apply func(*trust.Policy) error) error {
	defer s.forgetPolicy()
	return s.deps.Trust.Change(ctx, s.deps.Clock.Now(), apply)
}

// trustNote is the record of a change of what is trusted.
func trustNote(
	by access.Caller, action, kind, id, name string, at time.Time, facts map[string]string,
) audit.Record {
	return audit.Record{
		At: at, Actor: by.Actor, Source: by.Source(), RequestID: by.RequestID, Action: action, Outcome: audit.Done,
		Count: 1, Resource: audit.Resource{Type: kind, ID: id, Name: name}, Facts: facts,
	}
}

func issuerFacts(i trust.Issuer) map[string]string {
	facts := map[string]string{
		"issuer": i.URL, "audiences": strings.Join(i.Audiences, " "), "algorithms": strings.Join(i.Algorithms, " "),
		"keys": "discovered", "direct": "false",
	}
	if i.KeySet != "" {
		facts["keys"] = "given"
	}
	if i.Direct {
		facts["direct"] = "true"
	}
	return facts
}
