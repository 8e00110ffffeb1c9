package ginapi_test

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// store keeps configurations and their history in memory, just well enough for
// the use cases to run over it.
type store struct {
	mu      sync.Mutex
	states  map[configuration.ID]configuration.State
	entries []configuration.HistoryEntry
}

func newStore() *store { return &store{states: map[configuration.ID]configuration.State{}} }

func (s *store) Save(_ context.Context, list ...*configuration.Configuration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range list {
		if err := s.save(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) save(c *configuration.Configuration) error {
	unsaved := c.Unsaved()
	if len(unsaved.Entries) == 0 {
		return nil
	}
	state := unsaved.State
	if unsaved.Base == 0 {
		if _, taken := s.find(state.Identity); taken {
			return configuration.ErrAlreadyExists
		}
		state.ID = configuration.ID(len(s.states) + 1)
	} else if s.states[state.ID].Version != unsaved.Base {
		return configuration.ErrStale
	}
	if err := s.seal(state.ID, unsaved.Sealer); err != nil {
		return err
	}
	for _, e := range unsaved.Entries {
		e.ID, e.ConfigurationID = int64(len(s.entries)+1), state.ID
		s.entries = append(s.entries, e)
	}
	s.states[state.ID] = state
	c.MarkSaved(state.ID)
	return nil
}

func (s *store) seal(id configuration.ID, seal configuration.Sealer) error {
	for i, e := range s.entries {
		if seal == nil || e.ConfigurationID != id {
			continue
		}
		sealed, err := e.Seal(seal)
		if err != nil {
			return err
		}
		s.entries[i] = sealed
	}
	return nil
}

func (s *store) find(identity configuration.Identity) (configuration.State, bool) {
	for _, state := range s.states {
		if state.Identity == identity {
			return state, true
		}
	}
	return configuration.State{}, false
}

func (s *store) Find(_ context.Context, id configuration.ID) (*configuration.Configuration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, ok := s.states[id]
	if !ok {
		return nil, configuration.ErrNotFound
	}
	return configuration.Rehydrate(state), nil
}

func (s *store) FindByIdentity(
	_ context.Context, identity configuration.Identity,
) (*configuration.Configuration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, ok := s.find(identity)
	if !ok {
		return nil, configuration.ErrNotFound
	}
	return configuration.Rehydrate(state), nil
}

func (s *store) List(_ context.Context, q configuration.Query) (configuration.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*configuration.Configuration
	for _, state := range s.states {
		environment := q.Environment.IsZero() || q.Environment == state.Identity.Environment
		service := q.Service.IsZero() || q.Service == state.Identity.Service
		key := strings.HasPrefix(state.Identity.Key.String(), q.KeyPrefix)
		if environment && service && key && state.Deleted == q.Deleted {
			found = append(found, configuration.Rehydrate(state))
		}
	}
	slices.SortFunc(found, func(a, b *configuration.Configuration) int {
		return cmp.Compare(a.Identity().Key.String(), b.Identity().Key.String())
	})
	return configuration.Page{Configurations: window(found, q.Limit, q.Offset), Total: len(found)}, nil
}

func (s *store) Entry(
	_ context.Context, id configuration.ID, version configuration.Version,
) (configuration.HistoryEntry, error) {
	return s.newest(func(e configuration.HistoryEntry) bool {
		return e.ConfigurationID == id && e.Version == version
	})
}

func (s *store) EntryAt(_ context.Context, id configuration.ID, at time.Time) (configuration.HistoryEntry, error) {
	return s.newest(func(e configuration.HistoryEntry) bool {
		return e.ConfigurationID == id && !e.Stamp.At.After(at)
	})
}

func (s *store) newest(fits func(configuration.HistoryEntry) bool) (configuration.HistoryEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range slices.Backward(s.entries) {
		if fits(e) {
			return e, nil
		}
	}
	return configuration.HistoryEntry{}, configuration.ErrVersionNotFound
}

func (s *store) Entries(
	_ context.Context, id configuration.ID, limit, offset int,
) ([]configuration.HistoryEntry, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []configuration.HistoryEntry
	for _, e := range slices.Backward(s.entries) {
		if e.ConfigurationID == id {
			found = append(found, e)
		}
	}
	return window(found, limit, offset), len(found), nil
}

func window[T any](list []T, limit, offset int) []T {
	from := min(offset, len(list))
	return list[from:min(from+limit, len(list))]
}

// cipher hides a value from the eye alone, and knows damaged tokens.
type cipher struct {
	mu    sync.Mutex
	count int
}

func (c *cipher) Encrypt(_ context.Context, text secret.Text) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	return strconv.Itoa(c.count) + ":" + hex.EncodeToString([]byte(text.Reveal())), nil
}

func (c *cipher) Decrypt(_ context.Context, token string) (secret.Text, error) {
	_, digits, ok := strings.Cut(token, ":")
	text, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return secret.Text{}, ports.ErrDecryptionFailed
	}
	return secret.New(string(text)), nil
}
