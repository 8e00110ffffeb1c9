package bootstrap

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/auditstore"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/bootstrap/loop"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/ports"
)

// Intervals of the audit log's loops. Every replica may seal; one does at a time.
const (
	sealEvery    = 250 * time.Millisecond
	sealMaxWait  = 2 * time.Second
	auditTimeout = 10 * time.Second
	// The head is logged so that it is also kept elsewhere.
	headEvery = time.Hour
)

func auditModule() fx.Option {
	return fx.Module("audit",
		fx.Provide(
			fx.Annotate(auditstore.New, fx.As(new(ports.AuditTrail))),
			newAudit,
			func(a *auditapp.Service) configapp.Reveals { return a },
		),
		fx.Invoke(runAudit),
	)
}

func newAudit(s settings.Settings, trail ports.AuditTrail, modules ports.Modules, clock ports.Clock) *auditapp.Service {
	return auditapp.New(auditapp.Dependencies{
		Trail: trail, Modules: modules, Clock: clock, StrictReveals: s.AuditReveals.Strict(),
	})
}

// denied notes a denied request in the audit log.
func denied(a *auditapp.Service) func(rest.Denial) {
	return func(d rest.Denial) { a.Denied(auditapp.Denial(d)) }
}

// runAudit seals records, stores what was noted, and logs the head, until the stop, which
// stores the rest.
func runAudit(lc fx.Lifecycle, reporter *loop.Reporter, a *auditapp.Service, trail ports.AuditTrail, log *zap.Logger) {
	lc.Append(fx.StopHook(func(ctx context.Context) error {
		if err := a.Flush(ctx, true); err != nil {
			log.Error("audit records lost: they could not be stored before the stop", zap.Error(err))
		}
		return nil
	}))
	runLoops(lc, reporter, nil,
		loop.Loop{
			Every: sealEvery, MaxWait: sealMaxWait, Timeout: auditTimeout,
			Step: func(ctx context.Context) (bool, error) {
				n, err := a.Seal(ctx)
				return n >= auditapp.SealBatch, err
			},
			Failing:   "audit log sealing failed; records wait in the database",
			Recovered: "audit log sealing recovered",
		},
		loop.Loop{
			Every: auditapp.FlushInterval, Timeout: auditTimeout,
			Step:      loop.Once(func(ctx context.Context) error { return a.Flush(ctx, false) }),
			Failing:   "storing audit records of denied requests and reveals failed; they wait in memory",
			Recovered: "storing audit records recovered",
		},
		loop.Loop{
			Every: headEvery, Timeout: auditTimeout,
			Step: loop.Once(func(ctx context.Context) error {
				head, err := trail.Head(ctx)
				if err != nil {
					return fmt.Errorf("read the head of the audit log: %w", err)
				}
				log.Info("audit log head", zap.Int64("sequence", head.Sequence), zap.String("hash", head.Text()))
				return nil
			}),
			Failing: "reading the audit log head failed", Recovered: "reading the audit log head recovered",
		},
	)
}
