package registryapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// mutation is one write to a service.
type mutation struct {
	name scope.ServiceName
	// instances are the ids that the write needs beside the default one, in any
	// environment; all reports that it needs every instance.
	instances []registry.InstanceID
	all       bool
	// creates reports that a service that is not registered may be written to.
	creates bool
	// cached reports that only instances that are not removed are written to, so that the
	// first attempt uses the catalogue; the store rejects stale state.
	cached bool
	// repairs reports that a damaged service may be written to.
	repairs bool
	apply   func(*registry.Service) error
	// before is called before each save; its error ends the attempt. Nil for nothing.
	before func(context.Context, *registry.Service) error
}

// write applies and saves a mutation, updates the catalogue, and returns the new state.
func (s *Service) write(ctx context.Context, m mutation) (*registry.Service, error) {
	var written *registry.Service
	cached := m.cached
	err := change.Do(ctx, &s.locks, m.name, s.deps.Backoff, change.Steps[*registry.Service]{
		Revives: m.creates, Mends: m.repairs || m.creates, NotFound: registry.ErrNotFound,
		Load: func(ctx context.Context) (*registry.Service, error) {
			if r := s.catalogue.Recall(m.name, m.instances); cached && r != nil {
				cached = false
				return r, nil
			}
			return s.load(ctx, m)
		},
		Apply: func(_ context.Context, r *registry.Service) error {
			if err := m.apply(r); err != nil {
				return change.Final(err)
			}
			return change.Final(s.deps.Bounds.Admit(s.catalogue.Size(), r.Growth()))
		},
		Save: func(ctx context.Context, r *registry.Service) error {
			if m.before != nil {
				if err := m.before(ctx, r); err != nil {
					return err
				}
			}
			written = r
			return s.save(ctx, r)
		},
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// save stores the unsaved changes of a service and caches them. After an unknown outcome
// the cached service is invalidated.
func (s *Service) save(ctx context.Context, r *registry.Service) error {
	unsaved := r.Unsaved()
	if err := s.deps.Services.Save(ctx, r); err != nil {
		if change.OutcomeUnknown(err) {
			s.catalogue.Invalidate(r.State().Name.String())
		}
		return err
	}
	s.catalogue.PutSaved(r.State(), unsaved)
	return nil
}

func (s *Service) load(ctx context.Context, m mutation) (*registry.Service, error) {
	r, err := s.find(ctx, m)
	if !m.creates || !errors.Is(err, registry.ErrNotFound) {
		return r, err
	}
	epoch, err := s.deps.Source.HighestEpoch(ctx)
	return registry.NewAbove(m.name, epoch), err
}

func (s *Service) find(ctx context.Context, m mutation) (*registry.Service, error) {
	if m.all {
		return s.deps.Services.FindWithInstances(ctx, m.name)
	}
	return s.deps.Services.Find(ctx, m.name, m.instances...)
}

func (s *Service) stamp(by access.Caller) scope.Stamp { return by.Stamp(s.deps.Clock.Now()) }

// own is the stamp of changes that the service makes by itself.
func (s *Service) own() scope.Stamp {
	return scope.Stamp{By: scope.System(), At: s.deps.Clock.Now()}
}
