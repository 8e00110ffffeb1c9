package bootstrap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/limit"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/application/replicas"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/ports"
)

func httpModule() fx.Option {
	return fx.Module("http", fx.Provide(newAPI), fx.Invoke(serve))
}

// httpParts are the dependencies of the HTTP API.
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
	Audit          *auditapp.Service
	Encryption     *configapp.KeyRing
	Store          *bunstore.Store
	Replicas       *replicas.Announcer
	Clock          ports.Clock
	IDs            ports.IDs
	// Operations are the values of the group "operations".
	Operations []ginapi.Module `group:"operations"`
	// Conditions are the values of the group "conditions".
	Conditions []ports.Conditions `group:"conditions"`
}

func newAPI(p httpParts) *ginapi.API {
	return ginapi.New(ginapi.Options{
		ServiceName: string(p.Settings.ServiceName), Version: string(p.Version), Logger: p.Log,
		Configurations: p.Configurations, Flags: p.Flags, Registry: p.Registry, Relay: p.Relay, Watching: p.Tail,
		Modules: p.Modules, Operations: p.Operations, Keys: p.Access, Trust: p.Access,
		Audit: p.Audit, Encryption: p.Encryption, Denied: denied(p.Audit),
		Redis: p.Redis, Kafka: p.Kafka,
		DefaultEnvironment: p.Settings.DefaultEnvironment, Environments: p.Settings.Policy(),
		ResponseBytes: int64(p.Settings.ResponseMemory),
		CORSOrigins:   p.Settings.CORSOrigins, Access: p.Access, Passes: p.Access, Sessions: p.Access,
		Database: p.Store, Clock: p.Clock, IDs: p.IDs, Conditions: p.Conditions,
		TrustedProxies: p.Settings.TrustedProxies, WithoutKeys: !p.Settings.AuthEnabled,
		Limits: limits(p.Settings, p.Replicas),
	})
}

// limits are those of the settings, divided among the replicas that serve.
func limits(s settings.Settings, announcer *replicas.Announcer) rest.Limits {
	return rest.Limits{
		Key:             limit.Rate{PerSecond: float64(s.KeyRate), Burst: int(s.KeyBurst)},
		Address:         limit.Rate{PerSecond: float64(s.AddressRate), Burst: int(s.AddressBurst)},
		FailedPerMinute: int(s.FailedAuthRate),
		Replicas:        announcer.Serving,
		Concurrent:      int(s.MaxConcurrent),
	}
}

// drainTime is the time in which responses carry "Connection: close" before connections
// are closed.
const drainTime = 250 * time.Millisecond

// serveOn serves by HTTPS if there is a configuration for it, else by HTTP.
func serveOn(server *http.Server, listener net.Listener, config *tls.Config) error {
	if config == nil {
		return server.Serve(rest.Listener(listener)) //nolint:wrapcheck // the caller adds the context
	}
	server.TLSConfig = config
	return server.ServeTLS(listener, "", "") //nolint:wrapcheck // as above
}

// serve has the app serve at the end of the start, and stops the server first.
func serve(lc fx.Lifecycle, s settings.Settings, api *ginapi.API, app *App, log *zap.Logger) {
	server := ginapi.NewServer("", api.Handler())
	app.serve = func(listener net.Listener) {
		api.SetReady(true)
		go func() {
			server.ErrorLog, _ = zap.NewStdLogAt(log, zap.DebugLevel) // handshakes that clients break off
			if err := serveOn(server, listener, app.tls); !errors.Is(err, http.ErrServerClosed) {
				app.failed <- fmt.Errorf("serve: %w", err)
			}
		}()
		log.Info("ready", zap.String("address", listener.Addr().String()), zap.Stringer("database", s.Database))
	}
	lc.Append(fx.StopHook(func(ctx context.Context) error {
		api.SetReady(false)
		api.Stop()
		// A connection that is closed between two requests loses the second one, so that
		// clients get a response with "Connection: close" first.
		select {
		case <-time.After(drainTime):
		case <-ctx.Done():
		}
		return server.Shutdown(ctx)
	}))
}
