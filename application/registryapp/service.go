package registryapp

import (
	"time"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/application/registryapp/checks"
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
	// DefaultEnvironment is that of instances that name none.
	DefaultEnvironment string
	// Bounds bounds the size of the registry; 0 is no bound. Concurrent registrations on
	// several replicas may exceed it by changes that were not delivered yet.
	Bounds registry.Size
	// Replica names this process among those that share the lease store.
	Replica string
}

// Service offers the use cases. It is safe for concurrent use. Discovery answers
// fault.ErrUnavailable before the first Refresh.
type Service struct {
	deps       Dependencies
	locks      change.Locks[scope.ServiceName]
	catalogue  *catalogue.Catalogue
	projection *catalogue.Projection
	checks     *checks.Runner
	expirer    expirer
	// standard is the default environment.
	standard scope.Environment
}

// New returns the use cases over their dependencies.
func New(d Dependencies) *Service {
	s := &Service{deps: d, catalogue: catalogue.New(d.Source, d.Stopwatch)}
	s.projection = catalogue.NewProjection(s.catalogue, d.Directory, d.DirectoryTTL)
	s.checks = checks.New(checks.Dependencies{
		Catalogue: s.catalogue, Members: d.Members, Readings: d.Readings, Prober: d.Prober,
		Stopwatch: d.Stopwatch, Replica: d.Replica, Write: s.writeVerdict,
	})
	// An unsupported default is an error of the calls that need it.
	s.standard, _ = d.Environments.Parse(d.DefaultEnvironment)
	s.expirer.preservations = map[place]*preservation{}
	return s
}

// environment returns the supported environment of that name, or the default one
// for "".
func (s *Service) environment(name string) (scope.Environment, error) {
	if name == "" && !s.standard.IsZero() {
		return s.standard, nil
	}
	return s.deps.Environments.Parse(name)
}

// Resource returns the resource of access decisions about a service.
