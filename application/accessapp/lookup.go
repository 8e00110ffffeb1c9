package accessapp

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	// A look-up is awaited for lookupWait where a cached key suffices; it continues, and
	// its result is cached.
	lookupWait = 250 * time.Millisecond
	// After a look-up has failed or was slow, callers with a cached key do not wait for the
	// store for lookupPause.
	lookupPause = time.Second
	// A look-up without waiters ends after lookupTimeout.
	lookupTimeout = 10 * time.Second
)

// lookup is one in-flight look-up of a key, for all concurrent callers.
type lookup struct {
	done chan struct{}
	// queried is the time of the query: the result is at least as new.
	queried time.Time
	key     *access.APIKey
	err     error
}

// find returns the key of an id. A cached key within the given age is not looked up; one
// within Grace is returned where the store is slow or unavailable. Else an unavailable
// store is fault.ErrUnavailable, and an unknown id access.ErrKeyNotFound; too many unknown
// ones at once are fault.ErrRateLimited.
func (s *Service) find(ctx context.Context, id string, within time.Duration) (*access.APIKey, error) {
	now := s.deps.Clock.Now()
	s.mu.Lock()
	known, paused := s.known[id], now.Before(s.paused)
	s.mu.Unlock()
	switch {
	case known.within(within, now):
		return known.key, nil
	case !known.within(Grace, now):
		return s.findUnknown(ctx, id)
	case paused:
		return known.key, nil
	}
	bounded, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	key, err := s.lookUp(ctx, id).await(bounded)
	if errors.Is(err, fault.ErrUnavailable) {
		s.rest(now)
		return known.key, nil
	}
	return key, err
}

// await returns the result of a look-up, or fault.ErrUnavailable when ctx ends first.
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
	s.paused = now.Add(lookupPause)
}

// lookUp starts a look-up of a key, or joins the in-flight one. The look-up ends by itself,
// and its result is cached.
func (s *Service) lookUp(ctx context.Context, id string) *lookup {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lookups[id]; l != nil {
		return l
	}
	l := &lookup{done: make(chan struct{}), queried: s.deps.Clock.Now()}
	s.lookups[id] = l
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupTimeout)
		defer cancel()
		l.key, l.err = keysAndTokens{s}.find(ctx, id)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.lookups, id)
		if l.err == nil || errors.Is(l.err, access.ErrKeyNotFound) {
			s.record(id, l.key, l.queried)
		}
		close(l.done)
	}()
	return l
}

// record caches the result of a look-up, nil for an unknown key, unless a later one is
// cached. The caller holds the lock.
func (s *Service) record(id string, key *access.APIKey, queried time.Time) {
	known := s.known[id]
	if known.read.After(queried) && !known.read.After(s.deps.Clock.Now()) {
		return
	}
	if key == nil {
		delete(s.known, id)
		return
	}
	if known.key == nil && !s.hasPlace(id) {
		return
	}
	s.known[id] = knownKey{key: key, read: queried}
}

// hasPlace reports whether a key can be cached. Tokens have as many places as keys, and displace
// no keys: those that are not remembered have none. Where there are too many keys, all are
// forgotten. The caller holds the lock.
func (s *Service) hasPlace(id string) bool {
	if access.IsDirectID(id) {
		return s.direct[id] != nil
	}
	if len(s.known)-len(s.direct) >= maxKnown {
		maps.DeleteFunc(s.known, func(id string, _ knownKey) bool { return !access.IsDirectID(id) })
	}
	return true
}

// verdict is the verdict of a caller with a key.
type verdict struct {
	service *Service
	key     *access.APIKey
	// secret is the one that the caller has.
	secret access.SecretMark
}

var _ access.Verdict = (*verdict)(nil)

// Confirm returns nil when the key is valid with the same rights, by a look-up that is at
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
	l := s.lookUp(context.Background(), id)
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

// judge returns nil when a key, as just read, is valid by the caller's secret, with the
// same rights.
func (v *verdict) judge(fresh *access.APIKey, now time.Time) error {
	switch {
	case !fresh.HeldWith(v.secret, now):
		return access.ErrInvalidKey
	case !fresh.SameRights(v.key):
		return access.ErrKeyChanged
	}
	return nil
}
