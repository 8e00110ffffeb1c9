package accessapp

import (
	"context"
	"errors"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/access"
)

// changes are ids of keys that were changed elsewhere and not looked up since.
type changes struct {
	ids  map[string]struct{}
	wake chan struct{}
}

func newChanges() changes { return changes{ids: map[string]struct{}{}, wake: make(chan struct{}, 1)} }

// Changed notes that a process has created or changed a key, for Refresh. A key of which
// nothing is cached here, and that has no sessions, is ignored. It does not block.
func (s *Service) Changed(id string) {
	open := s.sessions.has(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.unknowns.absent, id)
	if s.known[id].key == nil && s.lookups[id] == nil && !open {
		return
	}
	s.changes.ids[id] = struct{}{}
	select {
	case s.changes.wake <- struct{}{}:
	default:
	}
}

// Changes returns a channel that has a value when keys were changed since the last Refresh.
func (s *Service) Changes() <-chan struct{} { return s.changes.wake }

// Refresh looks up the changed keys, caches them as they are now, and ends the sessions of
// those that are invalid or have other rights. Without changed keys it does nothing. Keys
// whose look-up fails are stale after freshness.MaxStaleness, as without Refresh.
func (s *Service) Refresh(ctx context.Context) error {
	return s.lookUpHeld(ctx, s.takeChanges())
}

// takeChanges returns the ids of the changed keys in order, and forgets them.
func (s *Service) takeChanges() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.changes.ids) == 0 {
		return nil
	}
	ids := make([]string, 0, len(s.changes.ids))
	for id := range s.changes.ids {
		ids = append(ids, id)
	}
	clear(s.changes.ids)
	slices.Sort(ids)
	return ids
}

// lookUpHeld looks keys up, caches them and settles their sessions.
func (s *Service) lookUpHeld(ctx context.Context, held []string) error {
	var failed error
	for ids := range slices.Chunk(held, findAllMost) {
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

// has reports whether a key has sessions.
func (o *sessions) has(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.byKey[id] > 0
}

// changedHere applies a change that this process has made.
func (s *Service) changedHere(key *access.APIKey) {
	now, id := s.deps.Clock.Now(), key.Attributes().ID
	s.mu.Lock()
	if s.known[id].key != nil {
		s.record(id, key, now)
	}
	s.mu.Unlock()
	s.sessions.settle([]string{id}, map[string]*access.APIKey{id: key}, now)
}
