package registryapp

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Dependencies is what the use cases need.
type Dependencies struct {
	Services registry.Repository
	History  registry.History
	Source   registry.Source
	Leases   registry.Leases
	Readings registry.Readings
	Members  registry.Members
	// Directory is nil where the lease store has no other readers.
	Directory registry.Directory
	// DirectoryTTL is how long an entry of the directory lives.
	DirectoryTTL time.Duration
	// Prober is nil where checks are turned off.
	Prober       health.Prober
	Clock        ports.Clock
	Stopwatch    ports.Stopwatch
	Backoff      ports.Backoff
	Environments scope.Environments
	// DefaultEnvironment is where an instance is that names none.
	DefaultEnvironment string
	// Bounds is how large the registry may become; what is 0 has no bound. Replicas
	// that register at the same time may exceed it by what they have not heard yet.
	Bounds registry.Size
	// Replica names this process among those that share the lease store.
	Replica string
}

// Service offers the use cases. It is safe for concurrent use. Discovery answers
// fault.ErrUnavailable before the first Refresh.
type Service struct {
	deps      Dependencies
	locks     change.Locks[scope.ServiceName]
	catalogue catalogue
	sweeper   sweeper
	checks    checks
	published published
	// standard is the default environment.
	standard scope.Environment
}

// New returns the use cases over their dependencies.
func New(d Dependencies) *Service {
	s := &Service{deps: d}
	// One that is not supported is told to those who rely on it.
	s.standard, _ = d.Environments.Parse(d.DefaultEnvironment)
	s.sweeper.guards = map[place]*guard{}
	s.checks.targets = map[registry.Key]*target{}
	return s
}

func (s *Service) stamp(by access.Caller) scope.Stamp { return by.Stamp(s.deps.Clock.Now()) }

// own is the stamp of what the service does by itself.
func (s *Service) own() scope.Stamp {
	return scope.Stamp{By: scope.System(), At: s.deps.Clock.Now()}
}

// environment returns the supported environment of that name, or the default one
// for "".
func (s *Service) environment(name string) (scope.Environment, error) {
	if name == "" && !s.standard.IsZero() {
		return s.standard, nil
	}
	return s.deps.Environments.Parse(name)
}

// edition is one write to a service.
type edition struct {
	name scope.ServiceName
	// instances are the ids that the write needs beside the default one, in whichever
	// environment. whole says that it needs all instances that live.
	instances []registry.InstanceID
	whole     bool
	// founds says that a service that is not registered may be written to.
	founds bool
	// remembered says that only instances that live are written to, so that memory
	// will do to begin with; the store refuses what is out of date.
	remembered bool
	// mends says that a damaged service may be written to.
	mends bool
	apply func(*registry.Service) error
	// before is called with what is about to be saved, each time; its error ends the
	// attempt. Nil for nothing.
	before func(context.Context, *registry.Service) error
}

// write makes the edition, lets discovery see it, and returns what stands after.
func (s *Service) write(ctx context.Context, e edition) (*registry.Service, error) {
	var written *registry.Service
	remembered := e.remembered
	err := change.Do(ctx, &s.locks, e.name, s.deps.Backoff, change.Steps[*registry.Service]{
		Revives: e.founds, Mends: e.mends || e.founds, NotFound: registry.ErrNotFound,
		Load: func(ctx context.Context) (*registry.Service, error) {
			if r := s.catalogue.recall(e); remembered && r != nil {
				remembered = false
				return r, nil
			}
			return s.load(ctx, e)
		},
		Apply: func(_ context.Context, r *registry.Service) error {
			if err := e.apply(r); err != nil {
				return change.Final(err)
			}
			return change.Final(s.deps.Bounds.Admit(s.catalogue.size(), r.Growth()))
		},
		Save: func(ctx context.Context, r *registry.Service) error {
			if e.before != nil {
				if err := e.before(ctx, r); err != nil {
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
			s.catalogue.invalidate(r.State().Name.String())
		}
		return err
	}
	s.catalogue.putSaved(r.State(), unsaved)
	return nil
}

func (s *Service) load(ctx context.Context, e edition) (*registry.Service, error) {
	if e.whole {
		return s.deps.Services.FindWhole(ctx, e.name)
	}
	r, err := s.deps.Services.Find(ctx, e.name, e.instances...)
	if !e.founds || !fails(err, registry.ErrNotFound) {
		return r, err
	}
	epoch, err := s.deps.Source.HighestEpoch(ctx)
	return registry.NewAbove(e.name, epoch), err
}
