package bootstrap

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/ports"
)

// flagPoll is how often the store is asked whether flags were changed elsewhere,
// and flagPollTimeout for how long.
const (
	flagPoll        = time.Second
	flagPollTimeout = 5 * time.Second
)

// flagParts is what the flags' use cases are made of.
type flagParts struct {
	fx.In

	Settings settings.Settings
	Flags    flag.Repository
	History  flag.History
	Source   flag.Source
	Clock    ports.Clock
	IDs      ports.IDs
	Backoff  ports.Backoff
}

func newFlags(p flagParts) *flagapp.Service {
	return flagapp.New(flagapp.Dependencies{
		Flags: p.Flags, History: p.History, Source: p.Source,
		Clock: p.Clock, IDs: p.IDs, Backoff: p.Backoff, Environments: p.Settings.Policy(),
	})
}

// keepFlagsFresh loads the flags at the start, and follows changes of other
// replicas until the stop.
func keepFlagsFresh(lc fx.Lifecycle, flags *flagapp.Service, log *zap.Logger) {
	first := func(ctx context.Context) error {
		if err := flags.Refresh(ctx); err != nil {
			return fmt.Errorf("load the flags: %w", err)
		}
		return nil
	}
	runLoops(lc, log, first, loop{
		every: flagPoll, timeout: flagPollTimeout, step: once(flags.Refresh),
		failing: "flags are served from memory: the store cannot be asked for changes",
		working: "flags follow the store again",
	})
}
