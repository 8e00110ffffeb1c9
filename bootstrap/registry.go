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

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/httpprobe"
	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/adapters/rediscache"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/ports"
)

// How often the steps of the registry are made, and how long one may take.
const (
	registryPoll    = 200 * time.Millisecond
	registrySweep   = 250 * time.Millisecond
	registryCheck   = 100 * time.Millisecond
	registryPurge   = time.Hour
	registryPublish = time.Second
	registryClaim   = time.Second
	registryTimeout = 5 * time.Second
	purgeTimeout    = time.Minute
)

// leaseStore is where leases are kept.
type leaseStore struct {
	fx.Out

	Leases   registry.Leases
	Readings registry.Readings
	Members  registry.Members
	// Directory is nil in process.
	Directory registry.Directory
	// Redis is nil in process.
	Redis      ginapi.Pinger
	Conditions ports.Conditions `group:"conditions"`
}

// newLeaseStore keeps leases in Redis, or in this process where there is none.
func newLeaseStore(
	lc fx.Lifecycle, s settings.Settings, clock ports.Clock, stopwatch ports.Stopwatch, tail *changefeed.Tailer, log *loopLog,
) leaseStore {
	epoch := func() string { return tail.Position().Epoch }
	if s.RedisHost == "" {
		local := localcache.New(clock, stopwatch, epoch)
		return leaseStore{
			Leases: local, Readings: local, Members: local,
			Conditions: func() []ports.Condition { return nil },
		}
	}
	store := rediscache.Open(rediscache.Options{
		Address: redisAddress(s), Password: s.RedisPassword, Epoch: epoch,
		Replaced: func(key string) { log.Warn("redis value of wrong type replaced", zap.String("key", key)) },
	})
	lc.Append(fx.StopHook(store.Close))
	runLoops(lc, log, nil,
		loop{
			every: registryPublish, timeout: registryTimeout, step: store.Publish,
			failing: "redis projection failed: instances are not published for readers of Redis",
			working: "redis projection recovered: instances are published again",
		},
		loop{
			every: registryClaim, timeout: registryTimeout, step: once(claiming(store, tail)),
			failing: "redis shared by two clusters",
			working: "redis used by one cluster again",
		},
	)
	return leaseStore{
		Leases: store, Readings: store, Members: store, Directory: store, Redis: store, Conditions: store.Conditions,
	}
}

// claiming is the step that finds out whether another cluster uses the same Redis. It
// is not made while the epoch of the feed may be another one than is known here, and
// says nothing of a Redis that does not answer: others do.
func claiming(store *rediscache.Store, tail *changefeed.Tailer) func(context.Context) error {
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

func redisAddress(s settings.Settings) string {
	return net.JoinHostPort(s.RedisHost, strconv.Itoa(int(s.RedisPort)))
}

// registryParts is what the registry's use cases are made of.
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
	services := registryapp.New(registryapp.Dependencies{
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
	return services
}

// newProber returns nil where checks are turned off.
func newProber(s settings.Settings, app *App) health.Prober {
	if !s.ProbesEnabled {
		return nil
	}
	return httpprobe.New(httpprobe.Options{Allow: s.ProbeAllow, Own: ownAddresses(s), Port: app.port})
}

// ownAddresses returns where what this service stands on listens: no check may dial
// it.
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
		own = append(own, net.JoinHostPort(s.RedisHost, strconv.Itoa(int(s.RedisPort))))
	}
	return append(own, s.KafkaServers...)
}

// keepRegistry loads the services at the start, and follows other replicas, ends
// leases and makes checks until the stop.
func keepRegistry(lc fx.Lifecycle, services *registryapp.Service, log *loopLog) {
	first := func(ctx context.Context) error {
		if err := services.Refresh(ctx); err != nil {
			return fmt.Errorf("load the services: %w", err)
		}
		return nil
	}
	checks, stop := context.WithCancel(context.Background())
	lc.Append(fx.StopHook(services.Settle))
	lc.Append(fx.StopHook(stop))
	runLoops(lc, log, first,
		loop{
			every: registryPoll, timeout: registryTimeout, step: once(services.Refresh),
			failing: "registry refresh failed: services are served from memory",
			working: "registry refresh recovered",
		},
		loop{
			every: registrySweep, timeout: registryTimeout, step: services.Sweep,
			failing: "lease sweep failed",
			working: "lease sweep recovered: leases end after a grace",
		},
		loop{
			every: registrySweep, timeout: registryTimeout, step: services.PublishDirectory,
			failing: "redis projection failed: services are not shown to readers of Redis",
			working: "redis projection recovered: services are shown again",
		},
		loop{
			every: registryCheck, timeout: registryTimeout,
			step: once(func(context.Context) error { services.Check(checks); return nil }),
		},
		loop{
			every: registryPurge, timeout: purgeTimeout, step: services.Purge,
			failing: "purge of old transitions and removed instances failed",
			working: "purge of old transitions and removed instances resumed",
		},
	)
}
