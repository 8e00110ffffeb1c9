package auditapp

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

const (
	// FlushInterval is how often Flush is to be called.
	FlushInterval = time.Second
	// MaxUnstored is how long with StrictReveals a reveal may wait to be stored.
	MaxUnstored = 30 * time.Second
	// MaxBuffered bounds the records that wait for Flush.
	maxBuffered = 10_000
	// FlushBatch bounds the records of one transaction, spillBatch those of one write to the
	// backlog.
	flushBatch = 500
	spillBatch = 50
	// Denied attempts are one record for a minute, reveals for a second.
	deniedPeriod = time.Minute
	revealPeriod = time.Second
	// ManyDenied is from how many waiting records on denied requests are noted without
	// their address and resource.
	manyDenied = 1000
	// Bounds of the texts of a resource.
	maxNameBytes  = 255
	maxLabelBytes = 50
)

// attempt is what the attempts that one record stands for have in common.
type attempt struct {
	actor    scope.Actor
	source   string
	action   string
	outcome  audit.Outcome
	resource audit.Resource
	version  int64
	// name is that of the resource of a request.
	name string
	// login is the one of a token in place of a key.
	login access.Login
	// period is when the period began, as a Unix time.
	period int64
}

// counted is how many attempts there were.
type counted struct {
	attempt
	at    time.Time
	count int64
	// code is the error of the last one.
	code string
}

// buffer holds records that are not stored yet, off the path of requests.
type buffer struct {
	mu       sync.Mutex
	attempts map[attempt]*counted
	// waiting is how many records were taken and are only in memory.
	waiting int
	// failing is since when records could not be stored; zero while they can.
	failing time.Time
	// dropped counts denied and failed attempts for which there was no place.
	dropped int64
}

func newBuffer() buffer { return buffer{attempts: map[attempt]*counted{}} }

// Denial is a request that was denied, or a change that failed.
type Denial struct {
	By access.Caller
	// Failed says that it was not denied, but failed for a reason of the service.
	Failed bool
	// Action is what was denied, empty where the request was denied before that was known.
	Action access.Action
	// Request names what was requested. Environment, ServiceName and Name are those of the
	// resource, as far as they are known.
	Request, Environment, ServiceName, Name string
	// Code is that of the error in the response.
	Code string
}

// Denied notes a denied request, or a change that failed. Requests without a valid key are noted by their address.
func (s *Service) Denied(d Denial) {
	now := s.deps.Clock.Now()
	a := attempt{
		actor: d.By.Actor, source: d.By.Source(), action: string(d.Action), outcome: audit.Denied,
		period: begin(now, deniedPeriod),
	}
	if d.Failed {
		a.outcome = audit.Failed
	}
	if a.actor != (scope.Actor{}) {
		a.resource = audit.Resource{
			Type: "request", Environment: bounded(d.Environment, maxLabelBytes),
			ServiceName: bounded(d.ServiceName, maxLabelBytes), Name: bounded(d.Request, maxNameBytes),
		}
		a.name = bounded(d.Name, maxNameBytes)
	}
	if a.action == "" {
		a.action = "authenticate"
	}
	s.buffer.mu.Lock()
	defer s.buffer.mu.Unlock()
	// Many different attempts are noted together, so that they fill neither the memory nor
	// the log.
	if len(s.buffer.attempts) >= manyDenied {
		a.source, a.resource, a.name = "", audit.Resource{}, ""
	}
	if !s.buffer.add(a, now, d.Code) {
		s.buffer.dropped++
	}
}

// Revealed notes that a caller was shown the value of an encrypted configuration. Where it
// cannot be noted it is access.ErrUnaudited, and the value is not to be shown.
func (s *Service) Revealed(by access.Caller, resource access.Resource, version int64) error {
	now := s.deps.Clock.Now()
	a := reveal(by, resource, version, audit.Done, now)
	s.buffer.mu.Lock()
	defer s.buffer.mu.Unlock()
	failing := s.buffer.failing
	if s.deps.StrictReveals && !failing.IsZero() && now.Sub(failing) >= MaxUnstored || !s.buffer.add(a, now, "") {
		return access.ErrUnaudited
	}
	return nil
}

// Tampered notes that a caller was not shown a value, because its token belongs to another
// row than the one in which it is stored.
func (s *Service) Tampered(by access.Caller, resource access.Resource, version int64) {
	now := s.deps.Clock.Now()
	s.buffer.mu.Lock()
	defer s.buffer.mu.Unlock()
	if !s.buffer.add(reveal(by, resource, version, audit.Failed, now), now, ports.ErrTokenTampered.Code()) {
		s.buffer.dropped++
	}
}

// LoggedIn notes that a token was verified that is accepted in place of a key, with its whole
// subject.
func (s *Service) LoggedIn(by scope.Actor, login access.Login) {
	now := s.deps.Clock.Now()
	a := attempt{
		actor: by, action: "login.succeeded", outcome: audit.Done, login: login, period: begin(now, revealPeriod),
		resource: audit.Resource{Type: "api_key", ID: by.KeyID, Name: by.Name},
	}
	s.buffer.mu.Lock()
	defer s.buffer.mu.Unlock()
	if !s.buffer.add(a, now, "") {
		s.buffer.dropped++
	}
}

// reveal is an attempt to show the value of an encrypted configuration.
func reveal(
	by access.Caller, resource access.Resource, version int64, outcome audit.Outcome, now time.Time,
) attempt {
	return attempt{
		actor: by.Actor, source: by.Source(), action: string(access.RevealConfiguration), outcome: outcome,
		resource: audit.Resource{
			Type: "configuration", Environment: resource.Environment.String(), ServiceName: resource.Service.String(),
			Name: resource.Name,
		},
		version: version, period: begin(now, revealPeriod),
	}
}

func begin(now time.Time, period time.Duration) int64 { return now.Truncate(period).Unix() }

// bounded returns the beginning of a text, at most so many bytes.
func bounded(text string, most int) string {
	for len(text) > most || !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text[:min(len(text), most)], "")
	}
	return text
}

// add counts an attempt, and reports whether there was a place for it. The caller holds
// the lock.
func (b *buffer) add(a attempt, now time.Time, code string) bool {
	one := b.attempts[a]
	if one == nil {
		if len(b.attempts)+b.waiting >= maxBuffered {
			return false
		}
		one = &counted{attempt: a, at: now}
		b.attempts[a] = one
	}
	one.count++
	one.code = code
	return true
}

// take removes records whose period has ended, or all of them, and returns them in the
// order of their beginning.
func (b *buffer) take(now time.Time, all bool) []audit.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []*counted
	for a, one := range b.attempts {
		period := revealPeriod
		if a.outcome == audit.Denied {
			period = deniedPeriod
		}
		if all || a.period != begin(now, period) {
			list = append(list, one)
			delete(b.attempts, a)
		}
	}
	slices.SortFunc(list, func(a, b *counted) int { return a.at.Compare(b.at) })
	records := make([]audit.Record, len(list), len(list)+1)
	for i, one := range list {
		records[i] = one.record()
	}
	if b.dropped > 0 {
		records = append(records, audit.Record{
			At: now, Actor: scope.System(), Action: "audit.dropped", Outcome: audit.Denied, Count: b.dropped,
		})
		b.dropped = 0
	}
	return records
}

func (c *counted) record() audit.Record {
	r := audit.Record{
		At: c.at, Actor: c.actor, Source: c.source, Action: c.action, Outcome: c.outcome, Resource: c.resource,
		VersionAfter: c.version, VersionBefore: c.version, Count: c.count,
	}
	facts := map[string]string{
		"code": c.code, "name": c.name,
		"subject": c.login.Subject, "issuer_id": c.login.IssuerID, "binding_id": c.login.BindingID,
	}
	maps.DeleteFunc(facts, func(_, text string) bool { return text == "" })
	if len(facts) > 0 {
		r.Facts = facts
	}
	return r
}
