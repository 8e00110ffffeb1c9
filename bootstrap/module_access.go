package bootstrap

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/jwtverifier"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/bootstrap/loop"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/ports"
)

func accessModule() fx.Option {
	return fx.Module("access", stored(keystore.Module()),
		fx.Provide(
			fx.Annotate(keystore.New, fx.As(new(access.Keys)), fx.As(new(access.KeyUses)),
				fx.As(new(access.KeyChanges))),
			fx.Annotate(keystore.NewTrust, fx.As(new(trust.Store))),
			fx.Annotate(jwtverifier.New, fx.As(new(trust.Verifier))),
			newAccess,
		),
		conditions(func(keys *accessapp.Service) ports.Conditions { return keys.Conditions }),
		fx.Invoke(prepareAccess, runRecheck, followKeys),
	)
}

// accessParts are what the use cases of access consist of.
type accessParts struct {
	fx.In

	Settings settings.Settings
	Modules  ports.Modules
	Keys     access.Keys
	Uses     access.KeyUses
	Trust    trust.Store
	Tokens   trust.Verifier
	Logins   accessapp.Logins `optional:"true"`
	Clock    ports.Clock
	IDs      ports.IDs
}

func newAccess(p accessParts) *accessapp.Service {
	s := p.Settings
	return accessapp.New(accessapp.Dependencies{
		Keys: p.Keys, Uses: p.Uses, Trust: p.Trust, Tokens: p.Tokens, Logins: p.Logins, Clock: p.Clock, IDs: p.IDs,
		Pepper: s.Pepper.Text,
		Policy: accessapp.Policy{
			Enabled: s.AuthEnabled, AnonymousReads: s.AnonymousReads(),
			Added: addedActions(p.Modules), Environments: s.Policy(), MaxSessions: int(s.MaxStreams),
		},
	})
}

// prepareAccess loads the pepper and creates the first admin key at the start.
func prepareAccess(lc fx.Lifecycle, s settings.Settings, keys *accessapp.Service, out Output) {
	lc.Append(fx.StartHook(func(ctx context.Context) error {
		if err := keys.Prepare(ctx); err != nil {
			return fmt.Errorf("load the server's secret: %w", err)
		}
		if !s.AuthEnabled {
			out.Log.Warn("authentication disabled (AUTH_ENABLED=false): every request has full access")
			return nil
		}
		if err := (firstKey{settings: s, keys: keys, out: out}).create(ctx); err != nil {
			return fmt.Errorf("create the first admin key: %w", err)
		}
		return nil
	}))
}

// recheckTimeout bounds one check of the keys of open sessions.
const recheckTimeout = 10 * time.Second

// runRecheck ends sessions whose key was revoked or has expired, until the stop.
func runRecheck(lc fx.Lifecycle, reporter *loop.Reporter, keys *accessapp.Service, out Output) {
	runLoops(lc, reporter, nil,
		loop.Loop{
			Every: accessapp.RecheckInterval, Timeout: recheckTimeout, Step: loop.Once(keys.Recheck),
			Failing:   "session recheck failed; streams continue with cached keys",
			Recovered: "session recheck recovered",
		},
		loop.Loop{
			Every: accessapp.RecheckInterval, Timeout: recheckTimeout,
			Step:    loop.Once(func(context.Context) error { keys.Expire(); return nil }),
			Failing: "session expiry failed", Recovered: "session expiry recovered",
		},
		loop.Loop{
			Every: accessapp.RecordInterval, Timeout: recheckTimeout, Step: loop.Once(keys.RecordUses),
			Failing:   "recording the use of API keys failed",
			Recovered: "recording the use of API keys recovered",
		},
		loop.Loop{
			Every: accessapp.ForgetInterval, Timeout: recheckTimeout, Step: keys.ForgetLogins,
			Failing:   "deleting the keys of old logins failed",
			Recovered: "deleting the keys of old logins recovered",
		},
		loop.Loop{
			Every: accessapp.ExpiryInterval, Immediate: true, Timeout: recheckTimeout,
			Step:    loop.Once(func(ctx context.Context) error { return warnOfExpiry(ctx, keys, out.Log) }),
			Failing: "check of expiring API keys failed", Recovered: "check of expiring API keys recovered",
		},
	)
}

// followKeys makes changes of keys by other processes effective at once, until the stop.
func followKeys(
	lc fx.Lifecycle, s settings.Settings, reporter *loop.Reporter, changes access.KeyChanges, keys *accessapp.Service,
) {
	if !s.AuthEnabled || s.Database.SQLite != "" {
		return
	}
	runLoops(lc, reporter, nil,
		loop.Loop{
			Every: listenEvery, Timeout: listenTimeout, Settled: listenSettled, Immediate: true,
			Step:      loop.Once(func(ctx context.Context) error { return changes.Listen(ctx, keys.Changed) }),
			Failing:   "API key notifications failed; changes effective within 2s",
			Recovered: "API key notifications recovered",
		},
		loop.Loop{
			Every: accessapp.RecheckInterval, Timeout: recheckTimeout, Wake: keys.Changes(),
			Step:      loop.Once(keys.Refresh),
			Failing:   "API key refresh failed; changes effective within 2s",
			Recovered: "API key refresh recovered",
		},
	)
}

// warnOfExpiry logs which keys expire soon.
func warnOfExpiry(ctx context.Context, keys *accessapp.Service, log *zap.Logger) error {
	found, err := keys.FindExpiring(ctx)
	for _, k := range found {
		log.Warn("API key expires soon", zap.String("key_id", k.ID), zap.String("name", k.Name),
			zap.Time("expires_at", k.Expires))
	}
	if err != nil {
		return fmt.Errorf("find expiring API keys: %w", err)
	}
	return nil
}

// addedActions returns the actions of modules that domain/access does not know.
func addedActions(modules ports.Modules) []access.Added {
	var added []access.Added
	for _, m := range modules {
		for _, a := range m.Actions {
			if !slices.Contains(access.Actions(), access.Action(a.Name)) {
				added = append(added, access.Added{
					Action: access.Action(a.Name), Reader: a.Reader, Editor: a.Editor,
				})
			}
		}
	}
	return added
}
