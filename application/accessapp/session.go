package accessapp

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
)

// Session is the access of a caller for a stream or a long poll. The opener closes it.
type Session struct {
	service *Service
	holder  holder
	hold    *hold
	closed  bool
}

// holder names the holder of a secret of a key. Both are empty for callers
// without a key.
type holder struct {
	id     string
	secret access.SecretMark
}

// hold is shared by all sessions of a holder on one reading of the key.
type hold struct {
	// key is nil for callers without one; a later reading of it has the same rights.
	key  atomic.Pointer[access.APIKey]
	open int
	// confirmed is when a look-up last found the key valid.
	confirmed time.Time
	// ended is closed when the key, or the secret, is no longer valid; err, set before, is the reason.
	ended chan struct{}
	err   error
}

// sessions are those that are open.
type sessions struct {
	most int

	mu   sync.Mutex
	open int
	// byKey counts the sessions of each key, by its id; holds are their key readings.
	byKey map[string]int
	holds map[holder]*hold
}

func newSessions(most int) sessions {
	return sessions{most: most, byKey: map[string]int{}, holds: map[holder]*hold{}}
}

// Open begins a session of a caller. A session beyond the bound, in all or of one key, is
// ErrTooManyStreams; callers without a key count as one. The first session of a key waits
// for a look-up if the last one is older than RecheckInterval: a key that is no longer
// valid is ErrInvalidKey. Where the store is slow or unavailable, a key that was read
// within Grace is accepted.
func (s *Service) Open(ctx context.Context, by access.Caller) (*Session, error) {
	v, keyed := by.Verdict.(*verdict)
	if !keyed {
		return s.enter(holder{id: by.Actor.KeyID}, nil, time.Time{})
	}
	id := v.key.Attributes().ID
	of := holder{id: id, secret: v.secret}
	if s.sessions.rests(of, v.key) {
		return s.enter(of, v.key, time.Time{})
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
	return s.enter(of, key, confirmed)
}

// rests reports whether sessions of a holder with the rights of a key are open, so that
// Recheck looks it up regularly.
func (o *sessions) rests(of holder, key *access.APIKey) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.holds[of].covers(key)
}

// covers reports whether a session of a key can share the hold.
func (h *hold) covers(key *access.APIKey) bool {
	if h == nil {
		return false
	}
	mine := h.key.Load()
	return mine == key || mine != nil && key != nil && mine.SameRights(key)
}

// enter counts a session, on the hold that covers its key or a new one.
func (s *Service) enter(of holder, key *access.APIKey, confirmed time.Time) (*Session, error) {
	o := &s.sessions
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open >= o.most || o.byKey[of.id] >= max(o.most/2, 1) {
		return nil, access.ErrTooManyStreams
	}
	h := o.holds[of]
	if !h.covers(key) {
		if h != nil {
			o.end(of, access.ErrKeyChanged)
		}
		h = &hold{confirmed: confirmed, ended: make(chan struct{})}
		h.key.Store(key)
		o.holds[of] = h
	}
	h.open++
	o.open++
	o.byKey[of.id]++
	return &Session{service: s, holder: of, hold: h}, nil
}

// Ended returns a channel that is closed when the access has ended; Check returns the
// reason.
func (x *Session) Ended() <-chan struct{} { return x.hold.ended }

// Check returns nil while the access lasts, without I/O. ErrInvalidKey is a key that was
// revoked, deleted, has expired or no longer this secret, ErrKeyChanged one with other
// rights, and ErrUnconfirmed a store that could not be reached for Grace.
func (x *Session) Check() error {
	select {
	case <-x.hold.ended:
		return x.hold.err
	default:
	}
	if key := x.hold.key.Load(); key != nil && !key.HeldWith(x.holder.secret, x.service.deps.Clock.Now()) {
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
	if o.byKey[x.holder.id]--; o.byKey[x.holder.id] == 0 {
		delete(o.byKey, x.holder.id)
	}
	if x.hold.open--; x.hold.open == 0 && o.holds[x.holder] == x.hold {
		delete(o.holds, x.holder)
	}
}
