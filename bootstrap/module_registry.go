package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/httpprobe"
	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/adapters/rediscache"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/bootstrap/loop"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/ports"
)

func registryModule() Module {
	return Module{Descriptor: registryapp.Module(), Store: registrystore.Module(), Options: fx.Options(
		fx.Provide(
			fx.Annotate(registrystore.New,
				fx.As(new(registry.Repository)), fx.As(new(registry.History)), fx.As(new(registry.Source))),
			newLeaseStore, newRegistry,
		),
		conditions(func(s *registryapp.Service) ports.Conditions { return s.Conditions }),
		subscribed[*registryapp.Service](),
		fx.Invoke(runRegistry),
	)}
}

// Intervals and timeouts of the registry's loops.
const (
	refreshEvery       = 200 * time.Millisecond
	expireEvery        = 250 * time.Millisecond
	projectEvery       = time.Second
	probeEvery         = 100 * time.Millisecond
	claimEvery         = time.Second
	registryPurgeEvery = time.Hour
	registryTimeout    = 5 * time.Second
)

// leaseStore stores leases, readings and members.
type leaseStore struct {
	fx.Out

	Leases   registry.Leases
	Readings registry.Readings
	Members  registry.Members
	// Directory and Redis are nil in process.
	Directory  registry.Directory
	Redis      ginapi.Pinger
	Conditions ports.Conditions `group:"conditions"`
}

// leaseStoreParts are the dependencies of the store of leases.
type leaseStoreParts struct {
	fx.In

	Settings  settings.Settings
	TLS       storeTLS
	Clock     ports.Clock
	Stopwatch ports.Stopwatch
	Tail      *changefeed.Tailer
	Reporter  *loop.Reporter
	Log       *zap.Logger
}

// newLeaseStore stores leases in Redis, or in process if there is none.
func newLeaseStore(lc fx.Lifecycle, p leaseStoreParts) leaseStore {
	epoch := func() string { return p.Tail.Position().Epoch }
	if p.Settings.RedisHost == "" {
		local := localcache.New(p.Clock, p.Stopwatch, epoch)
		return leaseStore{
			Leases: local, Readings: local, Members: local,
			Conditions: func() []ports.Condition { return nil },
		}
	}
	options := redisOptions(p.Settings, p.TLS)
	options.Epoch, options.EntryTTL = epoch, time.Duration(p.Settings.ServiceCacheTTL)
	options.Replaced = func(key string) { p.Log.Warn("redis value of wrong type replaced", zap.String("key", key)) }
	store := rediscache.Open(options)
	lc.Append(fx.StopHook(store.Close))
	runLoops(lc, p.Reporter, nil,
		loop.Loop{
			Every: projectEvery, Timeout: registryTimeout, Step: store.Publish,
			Failing: "redis projection of instances failed", Recovered: "redis projection of instances recovered",
		},
		loop.Loop{
			Every: claimEvery, Timeout: registryTimeout, Step: loop.Once(claim(store, p.Tail)),
			Failing: "redis shared by two clusters", Recovered: "redis used by one cluster",
		},
	)
	return leaseStore{
		Leases: store, Readings: store, Members: store, Directory: store, Redis: store, Conditions: store.Conditions,
	}
}

// claim is the step that detects another cluster on the same Redis. It does nothing while
// the known epoch of the feed may be stale, and ignores an unavailable Redis, which other
// loops report.
func claim(store *rediscache.Store, tail *changefeed.Tailer) func(context.Context) error {
	return func(ctx context.Context) error {
		if freshness.Stale(tail.Age()) {
			return nil
		}
		err := store.Claim(ctx)
		if shared := new(rediscache.SharedError); errors.As(err, &shared) {
			return shared
		}
		return nil
	}
}

// registryParts are the dependencies of the registry's use cases.
type registryParts struct {
	fx.In

	Settings  settings.Settings
	Services  registry.Repository
	History   registry.History
	Source    registry.Source
	Leases    registry.Leases
	Readings  registry.Readings
	Members   registry.Members
	Directory registry.Directory
	Clock     ports.Clock
	Stopwatch ports.Stopwatch
	Backoff   ports.Backoff
	IDs       ports.IDs
	Tail      *changefeed.Tailer
	App       *App
}

func newRegistry(p registryParts) *registryapp.Service {
	return registryapp.New(registryapp.Dependencies{
		Bounds: registry.Size{
			Services: int(p.Settings.RegistryServices), Instances: int(p.Settings.RegistryInstances),
			MetadataBytes: int(p.Settings.RegistryMetadata),
		},
		Services: p.Services, History: p.History, Source: p.Source,
		Leases: p.Leases, Readings: p.Readings, Members: p.Members, Directory: p.Directory,
		DirectoryTTL: time.Duration(p.Settings.ServiceCacheTTL),
		Prober:       newProber(p.Settings, p.App),
		Clock:        p.Clock, Stopwatch: p.Stopwatch, Backoff: p.Backoff,
		Environments: p.Settings.Policy(), DefaultEnvironment: p.Settings.DefaultEnvironment, Replica: p.IDs.UUID(),
	})
}

// newProber returns nil if health checks are disabled.
func newProber(s settings.Settings, app *App) health.Prober {
	if !s.ProbesEnabled {
		return nil
	}
	return httpprobe.New(httpprobe.Options{Allow: s.ProbeAllow, Own: ownAddresses(s), Port: app.port})
}

// ownAddresses returns the addresses of the service's dependencies, which no health check
// may dial.
func ownAddresses(s settings.Settings) []string {
	var own []string
	if u, err := url.Parse(s.Database.Postgres.Reveal()); err == nil && u.Host != "" {
		port := u.Port()
		if port == "" {
			port = "5432"
		}
		own = append(own, net.JoinHostPort(u.Hostname(), port))
	}
	if s.RedisHost != "" {
		own = append(own, net.JoinHostPort(string(s.RedisHost), strconv.Itoa(int(s.RedisPort))))
	}
	return append(own, s.KafkaServers...)
}

// runRegistry loads the services at the start. Until the stop it refreshes them, expires
// leases, performs health checks and purges.
func runRegistry(lc fx.Lifecycle, services *registryapp.Service, reporter *loop.Reporter) {
	load := func(ctx context.Context) error {
		if err := services.Refresh(ctx); err != nil {
			return fmt.Errorf("load the services: %w", err)
		}
		return nil
	}
	probing, stop := context.WithCancel(context.Background())
	lc.Append(fx.StopHook(services.Settle))
	lc.Append(fx.StopHook(stop))
	runLoops(lc, reporter, load,
		loop.Loop{
			Every: refreshEvery, Timeout: registryTimeout, Step: loop.Once(services.Refresh),
			Failing: "registry refresh failed; serving stale cache", Recovered: "registry refresh recovered",
		},
		loop.Loop{
			Every: expireEvery, Timeout: registryTimeout, Step: services.ExpireLeases,
			Failing: "lease expiry paused", Recovered: "lease expiry resumed; grace period started",
		},
		loop.Loop{
			Every: expireEvery, Timeout: registryTimeout, Step: services.PublishDirectory,
			Failing: "redis projection of services failed", Recovered: "redis projection of services recovered",
		},
		loop.Loop{
			Every: probeEvery, Timeout: registryTimeout,
			Step:    loop.Once(func(context.Context) error { services.Check(probing); return nil }),
			Failing: "health checks failed", Recovered: "health checks recovered",
		},
		loop.Loop{
			Every: registryPurgeEvery, Timeout: purgeTimeout, Step: services.Purge,
			Failing: "registry purge failed", Recovered: "registry purge recovered",
		},
	)
}
