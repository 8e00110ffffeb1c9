package bootstrap

import (
	"fmt"
	"time"

	"go.uber.org/fx"

	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/bootstrap/loop"
	"github.com/signalbox-hq/signalbox/ports"
)

func systemModule() fx.Option {
	return fx.Module("system",
		fx.Provide(
			fx.Annotate(newClock, fx.As(fx.Self()), fx.As(new(ports.Clock))),
			fx.Annotate(system.NewIDs, fx.As(new(ports.IDs))),
			fx.Annotate(system.NewBackoff, fx.As(new(ports.Backoff))),
			fx.Annotate(system.NewStopwatch, fx.As(new(ports.Stopwatch))),
			loop.NewReporter,
		),
		conditions(func(r *loop.Reporter) ports.Conditions { return r.Conditions }),
		conditions(func(c *system.StoreClock) ports.Conditions {
			return func() []ports.Condition { return clockSkew(c.Skew()) }
		}),
	)
}

// newClock returns the store's clock, so that all replicas stamp by one clock.
func newClock(stopwatch ports.Stopwatch) *system.StoreClock {
	return system.NewStoreClock(system.NewClock(), stopwatch)
}

// maxSkew is the largest difference between this machine's clock and the store's that is
// not reported.
const maxSkew = 5 * time.Second

// clockSkew reports a clock that is wrong. Changes are stamped by the store's clock, so
// that only this machine's logs and certificates are affected.
func clockSkew(skew time.Duration) []ports.Condition {
	if skew.Abs() <= maxSkew {
		return nil
	}
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	return []ports.Condition{{
		Name: "clock_skew",
		Message: fmt.Sprintf("The clock of this replica's machine is %s %s the database's. Changes are stamped by the "+
			"database's clock; synchronize both with NTP.", skew.Abs().Round(time.Second), direction),
	}}
}
