package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/flagstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

func systemModule() fx.Option {
	return fx.Module("system", fx.Provide(
		fx.Annotate(newClock, fx.As(fx.Self()), fx.As(new(ports.Clock))),
		fx.Annotate(system.NewIDs, fx.As(new(ports.IDs))),
		fx.Annotate(system.NewBackoff, fx.As(new(ports.Backoff))),
		fx.Annotate(system.NewStopwatch, fx.As(new(ports.Stopwatch))),
	))
}

// newClock tells the store's time, so that all replicas stamp by one clock.
func newClock(stopwatch ports.Stopwatch) *system.StoreClock {
	return system.NewStoreClock(system.NewClock(), stopwatch)
}

func storeModule() fx.Option {
	return fx.Module("store", fx.Provide(
		newStore, newCommits, fx.Annotate(damagedRows, fx.ResultTags(`group:"conditions"`)),
		fx.Annotate(configstore.New,
			fx.As(new(configuration.Repository)), fx.As(new(configuration.History))),
		fx.Annotate(flagstore.New,
			fx.As(new(flag.Repository)), fx.As(new(flag.History)), fx.As(new(flag.Source))),
		fx.Annotate(registrystore.New,
			fx.As(new(registry.Repository)), fx.As(new(registry.History)), fx.As(new(registry.Source))),
		fx.Annotate(keystore.New, fx.As(new(access.Keys))),
		fx.Annotate(feedstore.NewFeed, fx.As(new(ports.Feed))),
		fx.Annotate(feedstore.NewDeliveries, fx.As(new(ports.Deliveries))),
		fx.Annotate(feedstore.NewLeadership, fx.As(new(ports.Leadership))),
		fx.Annotate(feedstore.NewReplicas, fx.As(new(ports.Replicas))),
		newSharing, newLoopLog, newAnnouncer,
		fx.Annotate(storeConditions, fx.ResultTags(`group:"conditions"`)),
		fx.Annotate(loopConditions, fx.ResultTags(`group:"conditions"`)),
		fx.Annotate(replicaConditions, fx.ResultTags(`group:"conditions"`)),
	), fx.Invoke(keepAnnouncing, keepInspecting))
}

func accessModule() fx.Option {
	return fx.Module("access", fx.Provide(newAccess), fx.Invoke(announceAccess, recheckSessions))
}

func configurationModule() Module {
	return Module{Descriptor: configapp.Module(), Options: fx.Options(
		fx.Provide(fx.Annotate(newCipher, fx.As(new(ports.Cipher))), newConfigurations),
		subscribed[*configapp.Service](),
	)}
}

func flagModule() Module {
	return Module{Descriptor: flagapp.Module(), Options: fx.Options(
		fx.Provide(newFlags), subscribed[*flagapp.Service](),
	)}
}

func feedModule() fx.Option {
	return fx.Module("feed", fx.Provide(newBroker, newRelay, newModules, changefeed.NewTailer, newFeedConditions), fx.Invoke(keepFeed))
}

func registryModule() Module {
	conditions := func(s *registryapp.Service) ports.Conditions { return s.Conditions }
	return Module{Descriptor: registryapp.Module(), Options: fx.Options(
		fx.Provide(newLeaseStore, newRegistry, fx.Annotate(conditions, fx.ResultTags(`group:"conditions"`))),
		subscribed[*registryapp.Service](),
		fx.Invoke(keepRegistry),
	)}
}

func httpModule() fx.Option {
	return fx.Module("http", fx.Provide(newAPI), fx.Invoke(serve))
}

func newAccess(s settings.Settings, keys access.Keys, clock ports.Clock, ids ports.IDs) *accessapp.Service {
	return accessapp.New(accessapp.Dependencies{
		Keys: keys, Clock: clock, IDs: ids, Pepper: s.Pepper.Text,
		Policy: accessapp.Policy{
			Enabled: s.AuthEnabled, AnonymousReads: s.AnonymousReads(),
			Environments: s.Policy(), MaxSessions: int(s.MaxStreams),
		},
	})
}

// announceAccess makes the first admin key and says what is not guarded.
func announceAccess(lc fx.Lifecycle, s settings.Settings, keys *accessapp.Service, out Output) {
	lc.Append(fx.StartHook(func(ctx context.Context) error {
		if err := keys.Prepare(ctx); err != nil {
			return fmt.Errorf("load the server's secret: %w", err)
		}
		if !s.AuthEnabled {
			out.Log.Warn("AUTH_ENABLED=false: everybody may do everything, also reveal encrypted values")
			return nil
		}
		token, made, err := keys.First(ctx, s.FirstKey.Text)
		if err != nil {
			return fmt.Errorf("make the first admin key: %w", err)
		}
		if made && s.FirstKey.IsZero() {
			return printFirstKey(out.Out, token)
		}
		return nil
	}))
}

// recheckTimeout bounds one look-up of the keys of open sessions.
const recheckTimeout = 10 * time.Second

// recheckSessions ends sessions whose key holds no longer, from the end of the start to
// the beginning of the stop.
func recheckSessions(lc fx.Lifecycle, log *loopLog, keys *accessapp.Service) {
	runLoops(lc, log, nil,
		loop{
			every: accessapp.RecheckInterval, timeout: recheckTimeout, step: once(keys.Recheck),
			failing: "session recheck failed: streams go on with keys as they were known",
			working: "session recheck resumed",
		},
		loop{
			every: accessapp.RecheckInterval, timeout: recheckTimeout,
			step: once(func(context.Context) error { keys.Expire(); return nil }),
		},
	)
}

func printFirstKey(w io.Writer, token secret.Text) error {
	_, err := fmt.Fprintf(w,
		"admin key: %s\n(shown this once; make others with 'signalbox key create')\n", token.Reveal())
	if err != nil {
		return fmt.Errorf("print the first admin key: %w", err)
	}
	return nil
}

func newCipher(s settings.Settings, log *zap.Logger) (*fernetcipher.Cipher, error) {
	if s.EnableEncryption && s.EncryptionKey.IsZero() {
		log.Warn("ENABLE_ENCRYPTION=true without ENCRYPTION_KEY: nothing can be stored encrypted; " +
			"make a key with 'signalbox keygen'")
	}
	return fernetcipher.New(s.EncryptionKey.Text, s.EnableEncryption)
}

// configurationParts is what the configurations' use cases are made of.
type configurationParts struct {
	fx.In

	Settings       settings.Settings
	Configurations configuration.Repository
	History        configuration.History
	Cipher         ports.Cipher
	Clock          ports.Clock
	Stopwatch      ports.Stopwatch
	Backoff        ports.Backoff
	Tail           *changefeed.Tailer
	Shared         ports.SharedCache[configuration.Locator, configuration.State]
}

// newConfigurations makes the configurations' use cases, whose memory follows the
// feed.
func newConfigurations(p configurationParts) *configapp.Service {
	configurations := configapp.New(configapp.Dependencies{
		Configurations: p.Configurations, History: p.History, Cipher: p.Cipher,
		Memory: localcache.NewCache[configuration.Locator, *configapp.Entry](
			int(p.Settings.CacheMaxBytes) - int(p.Settings.CacheMaxBytes)/flagShare),
		Shared: p.Shared, Lifetime: longest(p.Settings.ConfigCacheTTL),
		Feed: p.Tail, Stopwatch: p.Stopwatch,
		Clock: p.Clock, Backoff: p.Backoff, Environments: p.Settings.Policy(),
	})
	return configurations
}

// httpParts is what the HTTP interface is made of.
type httpParts struct {
	fx.In

	Settings       settings.Settings
	Version        Version
	Log            *zap.Logger
	Configurations *configapp.Service
	Flags          *flagapp.Service
	Registry       *registryapp.Service
	Relay          *relay.Service
	Tail           *changefeed.Tailer
	Modules        ports.Modules
	Redis          ginapi.Pinger
	Kafka          ginapi.Pinger `name:"kafka"`
	Access         *accessapp.Service
	Store          *bunstore.Store
	Clock          ports.Clock
	IDs            ports.IDs
	// Conditions are provided by any module with the tag group:"conditions".
	Conditions []ports.Conditions `group:"conditions"`
}

func newAPI(p httpParts) *ginapi.API {
	return ginapi.New(ginapi.Options{
		ServiceName: p.Settings.ServiceName, Version: string(p.Version), Logger: p.Log,
		Configurations: p.Configurations, Flags: p.Flags, Registry: p.Registry, Relay: p.Relay, Watching: p.Tail,
		Modules: p.Modules,
		Redis:   p.Redis, Kafka: p.Kafka,
		DefaultEnvironment: p.Settings.DefaultEnvironment,
		ResponseBytes:      int64(p.Settings.ResponseMemory),
		CORSOrigins:        p.Settings.CORSOrigins, Access: p.Access, Passes: p.Access, Sessions: p.Access,
		Database: p.Store, Clock: p.Clock, IDs: p.IDs, Conditions: p.Conditions,
		TrustedProxies: p.Settings.TrustedProxies,
	})
}

// drainTime is how long clients have to be told that their connection ends.
const drainTime = 250 * time.Millisecond

// serve listens from the end of the start to the beginning of the stop.
func serve(lc fx.Lifecycle, s settings.Settings, api *ginapi.API, app *App, log *zap.Logger) {
	server := ginapi.NewServer("", api.Handler())
	app.listen = func(ctx context.Context) error {
		address := net.JoinHostPort("", strconv.Itoa(int(s.Port)))
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("listen on port %d (SERVICE_PORT): %w", s.Port, err)
		}
		app.listens(listener)
		api.SetReady(true)
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				app.failed <- fmt.Errorf("serve: %w", err)
			}
		}()
		log.Info("ready", zap.String("address", listener.Addr().String()), zap.Stringer("database", s.Database))
		return nil
	}
	lc.Append(fx.StopHook(func(ctx context.Context) error {
		api.SetReady(false)
		api.Stop()
		// A connection that is closed between two requests loses the second one: so each
		// client is told by an answer first.
		select {
		case <-time.After(drainTime):
		case <-ctx.Done():
		}
		return server.Shutdown(ctx)
	}))
}
