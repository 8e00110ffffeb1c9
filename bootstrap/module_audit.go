package bootstrap

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/auditstore"
	"github.com/signalbox-hq/signalbox/adapters/filebacklog"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/bootstrap/loop"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Intervals of the audit log's loops. Every replica may seal; one does at a time.
const (
	sealEvery    = 250 * time.Millisecond
	sealMaxWait  = 2 * time.Second
	auditTimeout = 10 * time.Second
	// It is tried for the head again after a minute.
	headEvery = time.Minute
	// Retention is applied hourly.
	pruneEvery   = time.Hour
	pruneTimeout = time.Minute
)

func auditModule() fx.Option {
	return fx.Module("audit",
		fx.Provide(
			fx.Annotate(auditstore.New, fx.As(new(ports.AuditTrail))),
			openBacklog, newServerAudit,
			func(a *auditapp.Service) configapp.Reveals { return a },
			func(a *auditapp.Service) accessapp.Logins { return a },
		),
		fx.Invoke(runAudit),
	)
}

// newAudit returns the use cases that commands have.
func newAudit(s settings.Settings, trail ports.AuditTrail, modules ports.Modules, clock ports.Clock) *auditapp.Service {
	return auditapp.New(auditDependencies(s, trail, modules, clock))
}

func auditDependencies(
	s settings.Settings, trail ports.AuditTrail, modules ports.Modules, clock ports.Clock,
) auditapp.Dependencies {
	return auditapp.Dependencies{Trail: trail, Modules: modules, Clock: clock, StrictReveals: s.AuditReveals.Strict()}
}

// newServerAudit returns the use cases of a server, whose records have a stream.
func newServerAudit(
	s settings.Settings, trail ports.AuditTrail, modules ports.Modules, clock ports.Clock, ids ports.IDs,
	backlog ports.AuditBacklog,
) *auditapp.Service {
	d := auditDependencies(s, trail, modules, clock)
	d.Backlog, d.Stream = backlog, ids.UUID()
	return auditapp.New(d)
}

// openBacklog opens the file in which records wait, or nil where there is none.
func openBacklog(lc fx.Lifecycle, s settings.Settings) (ports.AuditBacklog, error) {
	if s.AuditBufferFile == "" {
		return nil, nil //nolint:nilnil // none is no error
	}
	file, err := filebacklog.Open(s.AuditBufferFile, int64(s.AuditBufferSize))
	if err != nil {
		return nil, fmt.Errorf("AUDIT_BUFFER_FILE: %w", err)
	}
	lc.Append(fx.StopHook(file.Close))
	return file, nil
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

	Publisher ports.Publisher
}

// runAudit seals records, stores what was noted, logs the head and applies the retention,
// until the stop, which stores the rest.
func runAudit(lc fx.Lifecycle, p auditParts) {
	lc.Append(fx.StopHook(func(ctx context.Context) error {
		err := p.Audit.Flush(ctx, true)
		switch lost := p.Audit.Unstored(); {
		case lost > 0:
			p.Log.Error("audit records lost: they could not be stored before the stop",
				zap.Int("count", lost), zap.Error(err))
		case err != nil:
			p.Log.Warn("audit records left in AUDIT_BUFFER_FILE for the next start", zap.Error(err))
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
			Failing:   "storing audit records of denied requests and reveals failed; they wait on this replica",
			Recovered: "storing audit records recovered",
		},
		{
			Every: min(headEvery, time.Duration(p.Settings.AuditHeads)), Timeout: auditTimeout,
			Step:    loop.Once(p.heads().Step),
			Failing: "recording the audit log head failed", Recovered: "recording the audit log head recovered",
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

// heads logs the head of the log, and publishes it where there is Kafka.
func (p auditParts) heads() *auditapp.Heads {
	d := auditapp.HeadsDependencies{
		Trail: p.Trail, Clock: p.Clock, Topic: string(p.Settings.KafkaHeadsTopic), Source: sourceOf(p.Settings),
		Every: time.Duration(p.Settings.AuditHeads),
		Record: func(extent audit.Extent) {
			p.Log.Info("audit log head",
				zap.Int64("sequence", extent.End.Sequence), zap.String("hash", extent.End.Text()))
		},
	}
	if len(p.Settings.KafkaServers) > 0 {
		d.Publisher = p.Publisher
	}
	return auditapp.NewHeads(d)
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

// What changes the database as a whole, in the audit log.
const (
	schemaMigrated = "schema.migrated"
	epochBegan     = "feed.epoch_began"
	relayRetried   = "relay.retried"
	relaySkipped   = "relay.skipped"
)

// note records an action on the database as a whole in the audit log, after it was done.
func note(
	ctx context.Context, store *bunstore.Store, clock ports.Clock, by scope.Actor, action, resource string,
) error {
	return auditstore.New(store).Add(ctx, audit.Record{
		At: clock.Now(), Actor: by, Action: action, Outcome: audit.Done, Count: 1,
		Resource: audit.Resource{Type: "database", ID: resource},
	})
}
