package accessapp

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	// Trust is how long a key that was read is believed without looking again:
	// the longest time for which a revoked key still works.
	Trust = 2 * time.Second
	// Grace is how long a key that was read is believed while the store is away: whoever
	// was let in may go on reading what is in memory.
	Grace = time.Hour
	// Bounds the keys that are remembered.
	maxKnown = 10_000
	// What the store is given where a key may be believed without it, and how long it
	// is left alone after it has failed.
	storePatience = 250 * time.Millisecond
	storePause    = time.Second
)

// Anonymous returns who a caller without a key is, or ErrUnauthenticated where
// every call needs one.
func (s *Service) Anonymous() (access.Caller, error) {
	switch {
	case !s.deps.Policy.Enabled:
		return access.Caller{Grants: access.Unrestricted()}, nil
	case s.deps.Policy.AnonymousReads:
		return access.Caller{Grants: access.ReadOnly()}, nil
	}
	return access.Caller{}, access.ErrUnauthenticated
}

// Authenticate returns who the holder of a key is. A key that is unknown, wrong,
// expired or revoked is ErrInvalidKey, also where anonymous callers may read:
// who shows a key means to be somebody. A revoked key works for Trust at most, and
// while the store is away for Grace.
func (s *Service) Authenticate(ctx context.Context, presented string) (access.Caller, error) {
	if !s.deps.Policy.Enabled {
		return s.Anonymous()
	}
	now := s.deps.Clock.Now()
	digest := sha256.Sum256([]byte(presented))
	if id, ok := access.NamedKey(presented); ok {
		if caller, ok := s.verdict(id, digest, now); ok {
			return caller, nil
		}
	}
	token, err := access.ParseToken(presented)
	if err != nil {
		return access.Caller{}, err
	}
	pepper, err := s.serverSecret(ctx)
	if err != nil {
		return access.Caller{}, err
	}
	key, err := s.find(ctx, token.KeyID(), now)
	if errors.Is(err, access.ErrKeyNotFound) {
		return access.Caller{}, access.ErrInvalidKey
	}
	if err != nil {
		return access.Caller{}, err
	}
	if !key.Opens(token, pepper, now) {
		return access.Caller{}, access.ErrInvalidKey
	}
	caller := access.Caller{Actor: key.Actor(), Grants: key.Grants()}
	s.remember(key, digest, caller)
	return caller, nil
}

// verdict returns who the holder of a token is that was let in before, while its
// key is believed and holds.
func (s *Service) verdict(id string, digest [sha256.Size]byte, now time.Time) (access.Caller, bool) {
	s.mu.Lock()
	known := s.known[id]
	s.mu.Unlock()
	age := now.Sub(known.read)
	believed := known.key != nil && 0 <= age && age < Trust && known.key.HoldsAt(now)
	if !believed || subtle.ConstantTimeCompare(known.digest[:], digest[:]) != 1 {
		return access.Caller{}, false
	}
	return known.caller, true
}

// remember keeps the verdict beside the key that it rests on.
func (s *Service) remember(key *access.APIKey, digest [sha256.Size]byte, caller access.Caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := key.Attributes().ID
	if known := s.known[id]; known.key == key {
		known.digest, known.caller = digest, caller
		s.known[id] = known
	}
}

func (s *Service) find(ctx context.Context, id string, now time.Time) (*access.APIKey, error) {
	s.mu.Lock()
	known, ok := s.known[id]
	s.mu.Unlock()
	age := now.Sub(known.read)
	if ok && 0 <= age && age < Trust {
		return known.key, nil
	}
	var err error
	var key *access.APIKey
	if ok && 0 <= age && age < Grace {
		key, err = s.findInTime(ctx, id, now)
		if errors.Is(err, fault.ErrUnavailable) {
			return known.key, nil
		}
	} else {
		key, err = s.deps.Keys.Find(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnown {
		clear(s.known)
	}
	s.known[id] = knownKey{key: key, read: now}
	return key, nil
}

// findInTime is Find of a store that has little time, and none for a while after it
// has failed.
func (s *Service) findInTime(ctx context.Context, id string, now time.Time) (*access.APIKey, error) {
	s.mu.Lock()
	resting := now.Before(s.resting)
	s.mu.Unlock()
	if resting {
		return nil, fault.ErrUnavailable
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	key, err := s.deps.Keys.Find(ctx, id)
	if errors.Is(err, fault.ErrUnavailable) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.resting = now.Add(storePause)
	}
	return key, err
}
