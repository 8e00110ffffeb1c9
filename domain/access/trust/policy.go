package trust

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/audit"
)

// Bounds of a policy.
const (
	MaxIssuers  = 100
	MaxBindings = 1000
)

// Policy is everything that is trusted. Its lists are in the order of names.
//
//nolint:recvcheck // methods that change it have a pointer
type Policy struct {
	Issuers  []Issuer
	Bindings []Binding
	// Notes are records for the audit log, which are stored with a change.
	Notes []audit.Record
}

// Store stores the policy. A store that cannot be reached is fault.ErrUnavailable.
type Store interface {
	// Load returns the policy. An issuer or binding whose row is unreadable is missing.
	Load(ctx context.Context) (Policy, error)
	// Change applies a change to the policy and stores it; concurrent changes follow one
	// another. Keys of logins by the bindings that Ended names are revoked at that time, in
	// the same transaction. An error of apply ends the call, and nothing is stored.
	Change(ctx context.Context, at time.Time, apply func(*Policy) error) error
	// CreateLogin stores the key of a login, if the binding and the issuer are still trusted as
	// given; else it is ErrChanged. A key id that exists is access.ErrKeyTaken.
	CreateLogin(ctx context.Context, key *access.APIKey, by Binding, of Issuer) error
	// ForgetLogins deletes keys of logins that expired before a time, at most that many, and
	// returns their number.
	ForgetLogins(ctx context.Context, before time.Time, most int) (int, error)
}

// Verifier verifies tokens.
type Verifier interface {
	// Verify returns the claims of a token of an issuer at a time: its signature, issuer,
	// audience and times are right, within the issuer's tolerance. Another token is
	// ErrTokenRejected, and an issuer whose keys are not known ErrIssuerUnavailable.
	Verify(ctx context.Context, token string, issuer Issuer, at time.Time) (Claims, error)
	// CheckKeys returns fault.ErrInvalid for a key set that has a key which cannot be used.
	CheckKeys(keySet string) error
}

// Issuer returns the issuer of an id, or ErrIssuerNotFound.
func (p Policy) Issuer(id string) (Issuer, error) {
	if n := slices.IndexFunc(p.Issuers, func(i Issuer) bool { return i.ID == id }); n >= 0 {
		return p.Issuers[n], nil
	}
	return Issuer{}, ErrIssuerNotFound
}

// IssuerOf returns the issuer of a URL, or false.
func (p Policy) IssuerOf(url string) (Issuer, bool) {
	if n := slices.IndexFunc(p.Issuers, func(i Issuer) bool { return i.URL == url }); n >= 0 {
		return p.Issuers[n], true
	}
	return Issuer{}, false
}

// Binding returns the binding of an id, or ErrBindingNotFound.
func (p Policy) Binding(id string) (Binding, error) {
	if n := slices.IndexFunc(p.Bindings, func(b Binding) bool { return b.ID == id }); n >= 0 {
		return p.Bindings[n], nil
	}
	return Binding{}, ErrBindingNotFound
}

// Matching returns the bindings of an issuer that match claims, in the order of names.
func (p Policy) Matching(issuer Issuer, c Claims) []Binding {
	var list []Binding
	for _, b := range p.Bindings {
		if b.IssuerID == issuer.ID && b.Matches(c) {
			list = append(list, b)
		}
	}
	return list
}

// SetIssuer adds an issuer, or replaces the one of its id. A name or URL that another one
// has is ErrTaken, and one too many ErrTooMany. What an issuer cannot be is ErrInvalid.
func (p *Policy) SetIssuer(i Issuer) error {
	i = i.clone()
	if err := i.check(); err != nil {
		return err
	}
	taken := func(o Issuer) bool { return o.ID != i.ID && (o.Name == i.Name || o.URL == i.URL) }
	if slices.ContainsFunc(p.Issuers, taken) {
		return ErrTaken
	}
	p.Issuers = without(p.Issuers, func(o Issuer) bool { return o.ID == i.ID })
	if len(p.Issuers) >= MaxIssuers {
		return ErrTooMany
	}
	p.Issuers = append(p.Issuers, i)
	slices.SortFunc(p.Issuers, func(a, b Issuer) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// SetBinding adds a binding, or replaces the one of its id. It fails as SetIssuer does; an
// issuer that does not exist is ErrIssuerNotFound.
func (p *Policy) SetBinding(b Binding) error {
	b = b.clone()
	if err := b.check(); err != nil {
		return err
	}
	if _, err := p.Issuer(b.IssuerID); err != nil {
		return err
	}
	if slices.ContainsFunc(p.Bindings, func(o Binding) bool { return o.ID != b.ID && o.Name == b.Name }) {
		return ErrTaken
	}
	p.Bindings = without(p.Bindings, func(o Binding) bool { return o.ID == b.ID })
	if len(p.Bindings) >= MaxBindings {
		return ErrTooMany
	}
	p.Bindings = append(p.Bindings, b)
	slices.SortFunc(p.Bindings, func(a, b Binding) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// RemoveIssuer removes an issuer. An unknown one is ErrIssuerNotFound, and one with
// bindings ErrIssuerInUse.
func (p *Policy) RemoveIssuer(id string) error {
	if _, err := p.Issuer(id); err != nil {
		return err
	}
	if slices.ContainsFunc(p.Bindings, func(b Binding) bool { return b.IssuerID == id }) {
		return ErrIssuerInUse
	}
	p.Issuers = without(p.Issuers, func(i Issuer) bool { return i.ID == id })
	return nil
}

// RemoveBinding removes a binding. An unknown one is ErrBindingNotFound.
func (p *Policy) RemoveBinding(id string) error {
	if _, err := p.Binding(id); err != nil {
		return err
	}
	p.Bindings = without(p.Bindings, func(b Binding) bool { return b.ID == id })
	return nil
}

// without returns a new list: the ones before a change stay as they are.
func without[T any](list []T, drop func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), drop)
}

// Ended returns the ids of the bindings of a policy whose logins have no rights under a later
// one: it has another binding or issuer in their place, or none.
func (p Policy) Ended(later Policy) []string {
	var ended []string
	for _, b := range p.Bindings {
		now, err := later.Binding(b.ID)
		if err != nil || !b.equal(now) || !p.sameIssuer(later, b.IssuerID) {
			ended = append(ended, b.ID)
		}
	}
	return ended
}

// Trusts reports whether the policy has a binding and its issuer as given.
func (p Policy) Trusts(b Binding, i Issuer) bool {
	given := Policy{Issuers: []Issuer{i}, Bindings: []Binding{b}}
	return b.IssuerID == i.ID && len(given.Ended(p)) == 0
}

func (p Policy) sameIssuer(later Policy, id string) bool {
	before, err := p.Issuer(id)
	after, laterErr := later.Issuer(id)
	return err == nil && laterErr == nil && before.Equal(after)
}

// Clone returns a policy that shares nothing with this one that changes, without notes.
func (p Policy) Clone() Policy {
	return Policy{Issuers: slices.Clone(p.Issuers), Bindings: slices.Clone(p.Bindings)}
}

// GrantsOf returns the grants of bindings together.
func GrantsOf(bindings []Binding) []access.Grant {
	var grants []access.Grant
	for _, b := range bindings {
		grants = append(grants, b.Grants...)
	}
	return grants
}
