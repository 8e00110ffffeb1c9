package accessapp

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	// LookupPatience is how long a look-up is awaited where a key may be believed
	// without it; it goes on, and its answer is remembered.
	lookupPatience = 250 * time.Millisecond
	// LookupPause is how long nobody waits for the store, who can do without it, after
	// a look-up has failed or was slow.
	lookupPause = time.Second
	// LookupTimeout bounds a look-up that nobody waits for any more.
	lookupTimeout = 10 * time.Second
)

// lookup is one question about a key to the store, for all who ask at once.
type lookup struct {
	done chan struct{}
	// asked is when the store was asked: the answer is at least as new.
	asked time.Time
	key   *access.APIKey
	err   error
}

// find returns the key of an id. One that was read within a time is not looked up, one
// that was read within Grace is returned as it was where the store is slow or cannot
// be reached. Else a store that cannot be reached is fault.ErrUnavailable, and an
// unknown id access.ErrKeyNotFound.
func (s *Service) find(ctx context.Context, id string, within time.Duration) (*access.APIKey, error) {
	now := s.deps.Clock.Now()
	s.mu.Lock()
	known, resting := s.known[id], now.Before(s.resting)
	s.mu.Unlock()
	switch {
	case known.within(within, now):
		return known.key, nil
	case !known.within(Grace, now):
		return s.look(ctx, id).await(ctx)
	case resting:
		return known.key, nil
	}
	patient, cancel := context.WithTimeout(ctx, lookupPatience)
	defer cancel()
	key, err := s.look(ctx, id).await(patient)
	if errors.Is(err, fault.ErrUnavailable) {
		s.rest(now)
		return known.key, nil
	}
	return key, err
}

// await returns the answer of a look-up, or fault.ErrUnavailable when ctx ends first.
func (l *lookup) await(ctx context.Context) (*access.APIKey, error) {
	select {
	case <-l.done:
		return l.key, l.err
	case <-ctx.Done():
		return nil, fault.ErrUnavailable.WithCause(context.Cause(ctx))
	}
}

func (s *Service) rest(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting = now.Add(lookupPause)
}

// look asks the store for a key, or joins who asks already. The look-up ends by
// itself, and what it finds is remembered.
func (s *Service) look(ctx context.Context, id string) *lookup {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lookups[id]; l != nil {
		return l
	}
	l := &lookup{done: make(chan struct{}), asked: s.deps.Clock.Now()}
	s.lookups[id] = l
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupTimeout)
		defer cancel()
		l.key, l.err = s.deps.Keys.Find(ctx, id)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.lookups, id)
		if l.err == nil || errors.Is(l.err, access.ErrKeyNotFound) {
			s.learn(id, l.key, l.asked)
		}
		close(l.done)
	}()
	return l
}

// learn remembers a key as the store had it when it was asked, or that there is none
// where it is nil, unless somebody has asked later. Who calls it holds the lock.
func (s *Service) learn(id string, key *access.APIKey, asked time.Time) {
	known := s.known[id]
	if known.read.After(asked) && !known.read.After(s.deps.Clock.Now()) {
		return
	}
	if key == nil {
		delete(s.known, id)
		return
	}
	if known.key == nil && len(s.known) >= maxKnown {
		clear(s.known)
	}
	s.known[id] = knownKey{key: key, read: asked}
}

// verdict is what the rights of a key's holder rest on.
type verdict struct {
	service *Service
	key     *access.APIKey
}

var _ access.Verdict = (*verdict)(nil)

// Confirm returns nil when the key holds with the same rights, by a look-up that is at
// most freshness.MaxStaleness old.
func (v *verdict) Confirm(until access.Ending) error {
	s, id := v.service, v.key.Attributes().ID
	now := s.deps.Clock.Now()
	s.mu.Lock()
	known := s.known[id]
	s.mu.Unlock()
	if known.within(freshness.MaxStaleness, now) {
		return v.judge(known.key, now)
	}
	var ended <-chan struct{}
	if until != nil {
		ended = until.Done()
	}
	l := s.look(context.Background(), id)
	select {
	case <-l.done:
	case <-ended:
		return access.ErrUnconfirmed
	}
	switch {
	case errors.Is(l.err, access.ErrKeyNotFound):
		return access.ErrInvalidKey
	case l.err != nil:
		return l.err
	}
	return v.judge(l.key, s.deps.Clock.Now())
}

// judge returns nil when a key, as it was read anew, holds with the same rights.
func (v *verdict) judge(fresh *access.APIKey, now time.Time) error {
	switch {
	case !fresh.ValidAt(now):
		return access.ErrInvalidKey
	case !fresh.SameRights(v.key):
		return errChanged()
	}
	return nil
}

func errChanged() error {
	return access.ErrInvalidKey.WithMessage("What this API key may do was changed meanwhile. Ask again.")
}
