package bootstrap

import (
	"go.uber.org/fx"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/flagstore"
	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/ports"
)

func flagModule() Module {
	return Module{Descriptor: flagapp.Module(), Store: flagstore.Module(), Options: fx.Options(
		fx.Provide(
			fx.Annotate(flagstore.New,
				fx.As(new(flag.Repository)), fx.As(new(flag.History)), fx.As(new(flag.Source))),
			newFlags,
		),
		subscribed[*flagapp.Service](),
	)}
}

// flagParts are the dependencies of the flags' use cases.
type flagParts struct {
	fx.In

	Settings  settings.Settings
	Flags     flag.Repository
	History   flag.History
	Source    flag.Source
	Clock     ports.Clock
	Stopwatch ports.Stopwatch
	Tail      *changefeed.Tailer
	Shared    ports.SharedCache[flag.Locator, flag.State]
	IDs       ports.IDs
	Backoff   ports.Backoff
}

func newFlags(p flagParts) *flagapp.Service {
	return flagapp.New(flagapp.Dependencies{
		Flags: p.Flags, History: p.History, Source: p.Source,
		Clock: p.Clock, Stopwatch: p.Stopwatch, Feed: p.Tail,
		Memory: localcache.NewCache[flag.Locator, *flagapp.Entry](int(p.Settings.CacheMaxBytes) / flagShare),
		Shared: p.Shared, Lifetime: maxLifetime(p.Settings.FlagCacheTTL),
		IDs: p.IDs, Backoff: p.Backoff, Environments: p.Settings.Policy(),
	})
}
