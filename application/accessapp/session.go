package accessapp

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
)

// Session is the access of a caller for longer than one answer takes: a stream or a
// long poll. Whoever opens it closes it.
type Session struct {
	service *Service
	id      string
	hold    *hold
	closed  bool
}

// hold is what all sessions on one reading of a key share.
type hold struct {
	// key is nil for callers without one; a later reading of it has the same rights.
	key  atomic.Pointer[access.APIKey]
	open int
	// confirmed is when the store last said that the key holds.
	confirmed time.Time
	// ended is closed when the key holds no longer; err, set before, says why.
	ended chan struct{}
	err   error
}

// sessions are those that are open.
type sessions struct {
	most int

	mu   sync.Mutex
	open int
	// byKey is how many each key has, holds what they rest on, by the key's id.
	byKey map[string]int
	holds map[string]*hold
}

func newSessions(most int) sessions {
	return sessions{most: most, byKey: map[string]int{}, holds: map[string]*hold{}}
}

// Open begins a session of a caller. One more than may be open, in all or by one key,
// is ErrTooManyStreams; callers without a key count as one. The first session of a key
// waits for a look-up if the last one is older than RecheckInterval: a key that holds no
// longer is ErrInvalidKey. Where the store is
// slow or cannot be reached, a key that was read within Grace is believed.
func (s *Service) Open(ctx context.Context, by access.Caller) (*Session, error) {
	v, keyed := by.Verdict.(*verdict)
	if !keyed {
		return s.enter(by.Actor.KeyID, nil, time.Time{})
	}
	id := v.key.Attributes().ID
	if s.sessions.rests(id, v.key) {
		return s.enter(id, v.key, time.Time{})
	}
	key, err := s.find(ctx, id, RecheckInterval)
	switch {
	case errors.Is(err, access.ErrKeyNotFound):
		return nil, access.ErrInvalidKey
	case err != nil:
		return nil, err
	}
	if err := v.judge(key, s.deps.Clock.Now()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	confirmed := s.known[id].read
	s.mu.Unlock()
	return s.enter(id, key, confirmed)
}

// rests reports whether sessions with the rights of a key are open, whose key is
// looked up all the time.
func (o *sessions) rests(id string, key *access.APIKey) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.holds[id].covers(key)
}

// covers reports whether a session of the holder of a key can rest on the hold.
func (h *hold) covers(key *access.APIKey) bool {
	if h == nil {
		return false
	}
	mine := h.key.Load()
	return mine == key || mine != nil && key != nil && mine.SameRights(key)
}

// enter counts a session, on the hold that covers its key or else a new one.
func (s *Service) enter(id string, key *access.APIKey, confirmed time.Time) (*Session, error) {
	o := &s.sessions
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open >= o.most || o.byKey[id] >= max(o.most/2, 1) {
		return nil, access.ErrTooManyStreams
	}
	h := o.holds[id]
	if !h.covers(key) {
		if h != nil {
			o.end(id, errChanged())
		}
		h = &hold{confirmed: confirmed, ended: make(chan struct{})}
		h.key.Store(key)
		o.holds[id] = h
	}
	h.open++
	o.open++
	o.byKey[id]++
	return &Session{service: s, id: id, hold: h}, nil
}

// Ended returns a channel that is closed when the access has ended; Check says why.
func (x *Session) Ended() <-chan struct{} { return x.hold.ended }

// Check returns nil while the access lasts, and asks no store. ErrInvalidKey is a key
// that was revoked, deleted, has expired or has other rights now, ErrUnconfirmed a
// store that could not be reached for Grace.
func (x *Session) Check() error {
	select {
	case <-x.hold.ended:
		return x.hold.err
	default:
	}
	if key := x.hold.key.Load(); key != nil && !key.ValidAt(x.service.deps.Clock.Now()) {
		return access.ErrInvalidKey
	}
	return nil
}

// Close ends the session; a second time it does nothing.
func (x *Session) Close() {
	o := &x.service.sessions
	o.mu.Lock()
	defer o.mu.Unlock()
	if x.closed {
		return
	}
	x.closed = true
	o.open--
	if o.byKey[x.id]--; o.byKey[x.id] == 0 {
		delete(o.byKey, x.id)
	}
	if x.hold.open--; x.hold.open == 0 && o.holds[x.id] == x.hold {
		delete(o.holds, x.id)
	}
}
