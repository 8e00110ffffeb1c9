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
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Intervals of the audit log's loops. Every replica may seal; one does at a time.
const (
	sealEvery    = 250 * time.Millisecond
	sealMaxWait  = 2 * time.Second
	auditTimeout = 10 * time.Second
	// The head is logged so that it is also kept elsewhere.
	headEvery = time.Hour
	// Retention is applied hourly.
	pruneEvery   = time.Hour
	pruneTimeout = time.Minute
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

// auditParts are the dependencies of the audit log's loops.
type auditParts struct {
	fx.In

	Settings settings.Settings
	Reporter *loop.Reporter
	Audit    *auditapp.Service
	Trail    ports.AuditTrail
	Clock    ports.Clock
	Log      *zap.Logger
}

// runAudit seals records, stores what was noted, logs the head and applies the retention,
// until the stop, which stores the rest.
func runAudit(lc fx.Lifecycle, p auditParts) {
	lc.Append(fx.StopHook(func(ctx context.Context) error {
		if err := p.Audit.Flush(ctx, true); err != nil {
			p.Log.Error("audit records lost: they could not be stored before the stop", zap.Error(err))
		}
		return nil
	}))
	loops := []loop.Loop{
		{
			Every: sealEvery, MaxWait: sealMaxWait, Timeout: auditTimeout,
			Step: func(ctx context.Context) (bool, error) {
				n, err := p.Audit.Seal(ctx)
				return n >= auditapp.SealBatch, err
			},
			Failing:   "audit log sealing failed; records wait in the database",
			Recovered: "audit log sealing recovered",
		},
		{
			Every: auditapp.FlushInterval, Timeout: auditTimeout,
			Step:      loop.Once(func(ctx context.Context) error { return p.Audit.Flush(ctx, false) }),
			Failing:   "storing audit records of denied requests and reveals failed; they wait in memory",
			Recovered: "storing audit records recovered",
		},
		{
			Every: headEvery, Timeout: auditTimeout, Step: loop.Once(p.logHead),
			Failing: "reading the audit log head failed", Recovered: "reading the audit log head recovered",
		},
	}
	if p.Settings.AuditRetention > 0 {
		loops = append(loops, loop.Loop{
			Every: pruneEvery, Timeout: pruneTimeout, Immediate: true, Step: p.prune,
			Failing: "audit log retention failed", Recovered: "audit log retention recovered",
		})
	}
	runLoops(lc, p.Reporter, nil, loops...)
}

func (p auditParts) logHead(ctx context.Context) error {
	extent, err := p.Trail.Extent(ctx)
	if err != nil {
		return fmt.Errorf("read the head of the audit log: %w", err)
	}
	p.Log.Info("audit log head", zap.Int64("sequence", extent.End.Sequence), zap.String("hash", extent.End.Text()))
	return nil
}

// prune removes entries that are older than the retention.
func (p auditParts) prune(ctx context.Context) (bool, error) {
	out, err := p.Audit.Prune(ctx, scope.System(), p.Clock.Now().Add(-time.Duration(p.Settings.AuditRetention)))
	if err == nil && out.Removed > 0 {
		p.Log.Info("audit entries removed", zap.Int64("count", out.Removed),
			zap.Int64("last_sequence", out.Start.Sequence), zap.String("last_hash", out.Start.Text()))
	}
	return out.More, err
}
