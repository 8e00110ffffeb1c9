package configapp

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

// Place names a configuration as callers do, before anything of it was looked at.
type Place struct{ Environment, Service, Key string }

func placeOf(i configuration.Identity) Place {
	return Place{Environment: i.Environment.String(), Service: i.Service.String(), Key: i.Key.String()}
}

// Held is what is known of a place: a configuration as it stands, or that there is
// none. It never changes.
type Held struct {
	state configuration.State
	// until is when it is asked again whether there is still none, by the stopwatch.
	until time.Duration
	// prepared is for what others make of it; it goes with it.
	prepared atomic.Value
}

// none reports whether no configuration lives there. One that was deleted has a
// version.
func (h *Held) none() bool { return h.state.Version == 0 || h.state.Deleted }

// bytes is about how much memory is used for it, with what is prepared of it.
func (h *Held) bytes() int {
	const fixed = 1024
	description, _ := h.state.Description.Text()
	return fixed + 3*len(h.state.Content.Stored().Reveal()) + 2*len(description)
}

// Freshness tells how old what is in memory may be, as relay.Tail does.
type Freshness interface {
	// Age returns since when there may be changes that nobody was told of.
	Age() time.Duration
}

const (
	// Tolerated is how old what is in memory may be before the store is asked instead.
	Tolerated = 2 * time.Second
	// NoneFor is for how long it is remembered that a place is empty.
	noneFor = 2 * time.Second
	// What the store is given when there is something older to answer with, and else;
	// and for how long it is left alone after it has failed.
	loadPatience = 250 * time.Millisecond
	loadTimeout  = 5 * time.Second
	loadPause    = time.Second
	// MaxLoads bounds how many places are loaded at once.
	maxLoads = 64
	// MaxNoted is how many changes are remembered for loads that are under way.
	maxNoted = 4096
)

// memory holds configurations as they stand. What is in it was true when the tail
// that Freshness tells of was there, or is newer.
//
// A load that began before a change and ends after it must not bring back what was
// before. Every change is noted, and a load is kept only if nothing was noted of its
// place since it began. The check, the noting and the keeping happen under one lock;
// who only reads takes none.
type memory struct {
	cache ports.Memory[Place, *Held]
	mu    sync.Mutex
	// noted are the places that were changed, in that order; first is the number of
	// the first one.
	noted []Place
	first int64
	loads map[Place]*load
	slots chan struct{}
	// resting is until when the store is left alone, by the stopwatch.
	resting atomic.Int64
}

// load is one question to the store, for all who want to know.
type load struct {
	done chan struct{}
	held *Held
	err  error
}

func newMemory(cache ports.Memory[Place, *Held]) *memory {
	return &memory{cache: cache, loads: map[Place]*load{}, slots: make(chan struct{}, maxLoads)}
}

// now is the number of the next change.
func (m *memory) now() int64 { return m.first + int64(len(m.noted)) }

// note writes down that a place was changed. Loads that are under way are not for
// who asks from now on.
func (m *memory) note(at Place) {
	delete(m.loads, at)
	m.noted = append(m.noted, at)
	if over := len(m.noted) - maxNoted; over > 0 {
		m.noted, m.first = m.noted[over:], m.first+int64(over)
	}
}

// changed reports whether a place was changed since a number, or may have been.
func (m *memory) changed(at Place, since int64) bool {
	return since < m.first || slices.Contains(m.noted[since-m.first:], at)
}

// keep holds what was loaded since a number, unless that is no longer so.
func (m *memory) keep(at Place, h *Held, since int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, held := m.cache.Get(at); held && before.state.Version > h.state.Version {
		return
	}
	if !m.changed(at, since) {
		m.cache.Put(at, h, h.bytes())
	}
}

// written holds what this process has just saved.
func (m *memory) written(state configuration.State) {
	at := placeOf(state.Identity)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note(at)
	if before, held := m.cache.Get(at); held && before.state.Version > state.Version {
		return
	}
	h := &Held{state: state}
	m.cache.Put(at, h, h.bytes())
}

// forget lets go of what is older than a version of a place, of anything where that
// is 0.
func (m *memory) forget(at Place, version configuration.Version) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note(at)
	if before, held := m.cache.Get(at); held && (version == 0 || before.state.Version < version) {
		m.cache.Drop(at)
	}
}

// clear lets go of all, and of what is being loaded.
func (m *memory) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.first, m.noted = m.now()+1, nil
	clear(m.loads)
	m.cache.Clear()
}

// Follow lets go of what was changed.
func (s *Service) Follow(_ context.Context, changes []ports.Change) error {
	for _, c := range changes {
		if c.AggregateType != configuration.AggregateType {
			continue
		}
		var data struct {
			Key string `json:"key"`
		}
		if err := json.Unmarshal(c.Data, &data); err != nil {
			return fault.ErrInternal.WithCause(err)
		}
		at := Place{Environment: c.Environment, Service: c.ServiceName, Key: data.Key}
		s.memory.forget(at, configuration.Version(c.AggregateVersion))
	}
	return nil
}

// Renew lets go of all.
func (s *Service) Renew(context.Context) error {
	s.memory.clear()
	return nil
}

// age returns how old what is in memory may be.
func (s *Service) age() time.Duration { return s.deps.Freshness.Age() }

// recall returns what is held of a place and may be relied upon, or nil.
func (s *Service) recall(at Place) *Held {
	h, held := s.memory.cache.Get(at)
	if !held || s.age() > Tolerated || h.none() && h.until < s.deps.Stopwatch.Elapsed() {
		return nil
	}
	return h
}

// present returns what stands at a place: what the store says, or, while it cannot
// be asked, what is in memory and how old that may be.
func (s *Service) present(
	ctx context.Context, at Place, identity configuration.Identity,
) (*Held, time.Duration, error) {
	older, held := s.memory.cache.Get(at)
	if !held {
		l := s.fetch(ctx, at, identity)
		select {
		case <-l.done:
			return l.held, 0, l.err
		case <-ctx.Done():
			return nil, 0, fault.ErrUnavailable.WithCause(context.Cause(ctx))
		}
	}
	if int64(s.deps.Stopwatch.Elapsed()) < s.memory.resting.Load() {
		return older, s.age(), nil
	}
	patience := time.NewTimer(loadPatience)
	defer patience.Stop()
	l := s.fetch(ctx, at, identity)
	select {
	case <-l.done:
		if l.err == nil {
			return l.held, 0, nil
		}
	case <-patience.C:
	case <-ctx.Done():
	}
	return older, s.age(), nil
}

// fetch asks the store what stands at a place, once for all who want to know.
func (s *Service) fetch(ctx context.Context, at Place, identity configuration.Identity) *load {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.loads[at]; l != nil {
		return l
	}
	l := &load{done: make(chan struct{})}
	m.loads[at] = l
	since := m.now()
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		l.held, l.err = s.ask(ctx, identity)
		if l.err == nil {
			m.keep(at, l.held, since)
		} else {
			m.resting.Store(int64(s.deps.Stopwatch.Elapsed() + loadPause))
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.loads[at] == l {
			delete(m.loads, at)
		}
		close(l.done)
	}()
	return l
}

// ask asks the store, of which only so many may ask at once.
func (s *Service) ask(ctx context.Context, identity configuration.Identity) (*Held, error) {
	select {
	case s.memory.slots <- struct{}{}:
		defer func() { <-s.memory.slots }()
	case <-ctx.Done():
		return nil, fault.ErrUnavailable.WithCause(context.Cause(ctx))
	}
	asked := s.deps.Stopwatch.Elapsed()
	c, err := s.deps.Configurations.FindByIdentity(ctx, identity)
	switch {
	case errors.Is(err, configuration.ErrNotFound):
		return &Held{until: asked + noneFor}, nil
	case err != nil:
		return nil, err
	}
	return &Held{state: c.State(), until: asked + noneFor}, nil
}
