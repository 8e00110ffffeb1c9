package accessapp

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

const (
	// LoginsPerMinute is how often one subject can log in by one binding, on each replica:
	// every login is a row until it is forgotten.
	LoginsPerMinute = 60
	// ForgetInterval is how often ForgetLogins is to be called.
	ForgetInterval = time.Minute
	// forgetAfter is how long the key of a login is stored after its end.
	forgetAfter = 24 * time.Hour
	// forgetMost is how many keys one call deletes at most.
	forgetMost = 1000
)

// Login is the input of Login.
type Login struct {
	// Token is a JWT in the compact form.
	Token secret.Text
	// Binding is the name of the binding; it can be empty where one matches.
	Binding string
}

// Login makes a short-lived key for a token of an issuer that is trusted, with the grants of
// a binding. A token that is not accepted is trust.ErrTokenRejected, one that no binding
// matches trust.ErrNotBound, and an issuer whose keys are not known
// trust.ErrIssuerUnavailable. A subject that logs in too often is fault.ErrRateLimited.
func (s *Service) Login(ctx context.Context, by access.Caller, in Login) (Issued, error) {
	token := strings.TrimSpace(in.Token.Reveal())
	url, named := trust.NamedIssuer(token)
	if !named || !trust.IsToken(token) {
		return Issued{}, trust.ErrTokenRejected
	}
	issued, err := s.login(ctx, by, token, url, in.Binding)
	if errors.Is(err, trust.ErrChanged) { // what is trusted has changed within the staleness bound
		s.forgetPolicy()
		issued, err = s.login(ctx, by, token, url, in.Binding)
	}
	return issued, err
}

func (s *Service) login(ctx context.Context, by access.Caller, token, url, binding string) (Issued, error) {
	r, err := s.policyWithin(ctx, loginStaleness)
	if err != nil {
		return Issued{}, err
	}
	issuer, trusted := r.policy.IssuerOf(url)
	if !trusted {
		return Issued{}, trust.ErrTokenRejected
	}
	now := s.deps.Clock.Now()
	claims, err := s.deps.Tokens.Verify(ctx, token, issuer, now)
	if err != nil {
		return Issued{}, err
	}
	bound, err := choose(r.policy.Matching(issuer, claims), binding)
	if err != nil {
		return Issued{}, err
	}
	if !s.countLogin(bound.ID+" "+claims.Subject, now) {
		return Issued{}, fault.ErrRateLimited.WithMessage(
			"This subject has logged in too often. Use the key of a login until it ends.")
	}
	drawn, err := s.draw()
	if err != nil {
		return Issued{}, err
	}
	key, err := s.build(ctx, drawn, access.KeyAttributes{
		Name: holderName(bound.Name, claims.Subject), Grants: bound.Grants, Created: now, Expires: now.Add(bound.TTL),
		Login: access.Login{BindingID: bound.ID, IssuerID: issuer.ID, Subject: claims.Subject},
	})
	if err != nil {
		return Issued{}, err
	}
	noteLogin(by, key, issuer, bound, now)
	if err := s.deps.Trust.CreateLogin(ctx, key, bound, issuer); err != nil {
		return Issued{}, err
	}
	return Issued{Token: drawn.Text(), KeyAttributes: key.Attributes()}, nil
}

// loginStaleness is the age of what a login trusts. CreateLogin refuses what has changed.
const loginStaleness = time.Second

// choose returns the binding of a name, or the only one.
func choose(matching []trust.Binding, name string) (trust.Binding, error) {
	if name != "" {
		matching = slices.DeleteFunc(matching, func(b trust.Binding) bool { return b.Name != name })
	}
	switch len(matching) {
	case 0:
		return trust.Binding{}, trust.ErrNotBound
	case 1:
		return matching[0], nil
	}
	names := make([]string, len(matching))
	for i, b := range matching {
		names[i] = b.Name
	}
	return trust.Binding{}, fault.Bad("binding",
		"is required, because the token matches several: "+strings.Join(names, ", "))
}

// holderName returns the name of the key of a subject: 1 to access.MaxKeyNameBytes of
// printable text. The subject itself is kept beside it.
func holderName(prefix, subject string) string {
	text := prefix + ": " + strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, subject)
	for len(text) > access.MaxKeyNameBytes {
		runes := []rune(text)
		text = string(runes[:len(runes)-1-(len(text)-access.MaxKeyNameBytes)/4])
	}
	return strings.TrimSpace(text)
}

// logins counts those of one minute.
type logins struct {
	since  time.Time
	counts map[string]int
}

// countLogin counts a login, and reports whether it is within LoginsPerMinute.
func (s *Service) countLogin(who string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.logins
	if age := now.Sub(l.since); l.counts == nil || age < 0 || age >= time.Minute || len(l.counts) >= maxKnown {
		l.since, l.counts = now, map[string]int{}
	}
	l.counts[who]++
	return l.counts[who] <= LoginsPerMinute
}

// noteLogin records a login for the audit log. The new key is its actor.
func noteLogin(by access.Caller, key *access.APIKey, i trust.Issuer, b trust.Binding, at time.Time) {
	a := key.Attributes()
	key.Note(audit.Record{
		At: at, Actor: key.Actor(), Source: by.Source(), RequestID: by.RequestID, Action: loginSucceeded,
		Outcome: audit.Done, Count: 1, Resource: audit.Resource{Type: "api_key", ID: a.ID, Name: a.Name},
		Facts: map[string]string{
			"issuer": i.URL, "binding": b.Name, "subject": a.Login.Subject, "grants": grantsText(a.Grants),
			"expires_at": momentText(a.Expires),
		},
	})
}

// ForgetLogins deletes keys of logins a day after their end. It reports whether there may be
// more.
func (s *Service) ForgetLogins(ctx context.Context) (more bool, err error) {
	if s.deps.Trust == nil {
		return false, nil
	}
	n, err := s.deps.Trust.ForgetLogins(ctx, s.deps.Clock.Now().Add(-forgetAfter), forgetMost)
	return n == forgetMost, err
}
