package accessapp

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
)

// RecordInterval is how often RecordUses is to be called.
const RecordInterval = time.Minute

// used notes that a key was accepted, once between two calls of RecordUses. Tokens are not
// stored. The caller holds the lock.
func (s *Service) used(id string, now time.Time) {
	if access.IsDirectID(id) {
		return
	}
	if _, noted := s.uses[id]; !noted {
		s.uses[id] = now
	}
}

// RecordUses stores when keys were last used, since the last call. What cannot be stored
// is stored by a later call.
func (s *Service) RecordUses(ctx context.Context) error {
	if s.deps.Uses == nil {
		return nil
	}
	s.mu.Lock()
	pending := s.uses
	s.uses = map[string]time.Time{}
	s.mu.Unlock()
	var failed error
	for ids := range slices.Chunk(slices.Collect(maps.Keys(pending)), findAllMost) {
		chunk := make(map[string]time.Time, len(ids))
		for _, id := range ids {
			chunk[id] = pending[id]
		}
		if err := s.deps.Uses.Used(ctx, chunk); err != nil {
			failed = errors.Join(failed, err)
			s.returnUses(chunk)
		}
	}
	return failed
}

// returnUses notes uses that could not be stored, unless there are later ones.
func (s *Service) returnUses(uses map[string]time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, at := range uses {
		if s.uses[id].Before(at) {
			s.uses[id] = at
		}
	}
}
