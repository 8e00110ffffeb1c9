package accessapp

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
)

// RecheckInterval is how often Recheck and Expire are to be called, so that sessions
// end within freshness.MaxStaleness after their key.
const RecheckInterval = time.Second

// findAllMost bounds the keys of one look-up.
const findAllMost = 1000

// Recheck looks up the keys of all open sessions, and ends the sessions of those that are
// invalid, have other rights, or whose secret is no longer valid. Where the store is unavailable, sessions continue for
// Grace after their key was last confirmed, and the error is returned.
func (s *Service) Recheck(ctx context.Context) error {
	var failed error
	for ids := range slices.Chunk(s.sessions.keys(), findAllMost) {
		queried := s.deps.Clock.Now()
		keys, err := keysAndTokens{s}.findAll(ctx, ids)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		s.learnAll(ids, keys, queried)
		s.sessions.settle(ids, keys, queried)
	}
	return failed
}

// Expire ends the sessions of keys and secrets that have expired or were not confirmed for Grace,
// without I/O.
func (s *Service) Expire() {
	now := s.deps.Clock.Now()
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	for of, h := range s.sessions.holds {
		key := h.key.Load()
		if key == nil {
			continue
		}
		if h.confirmed.After(now) { // the clock was set back
			h.confirmed = now
		}
		switch {
		case !key.HeldWith(of.secret, now):
			s.sessions.end(of, access.ErrInvalidKey)
		case now.Sub(h.confirmed) >= Grace:
			s.sessions.end(of, access.ErrUnconfirmed)
		}
	}
}

func (s *Service) learnAll(ids []string, keys map[string]*access.APIKey, queried time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.record(id, keys[id], queried)
	}
}

// keys returns the ids of the keys that have sessions, in order.
func (o *sessions) keys() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var ids []string
	for of, h := range o.holds {
		if h.key.Load() != nil {
			ids = append(ids, of.id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// settle ends the sessions of keys that are invalid, have other rights or another secret
// after a look-up of the ids, which are in order.
func (o *sessions) settle(ids []string, keys map[string]*access.APIKey, queried time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for of, h := range o.holds {
		// A session may have begun after the look-up, with a secret that it did not find.
		_, included := slices.BinarySearch(ids, of.id)
		if !included || h.key.Load() == nil || h.confirmed.After(queried) {
			continue
		}
		fresh := keys[of.id]
		switch {
		case fresh == nil || !fresh.HeldWith(of.secret, queried):
			o.end(of, access.ErrInvalidKey)
		case !h.covers(fresh):
			o.end(of, access.ErrKeyChanged)
		default:
			h.key.Store(fresh)
			h.confirmed = queried
		}
	}
}

// end ends the sessions of a holder. The caller holds the lock.
func (o *sessions) end(of holder, why error) {
	h := o.holds[of]
	delete(o.holds, of)
	h.err = why
	close(h.ended)
}
