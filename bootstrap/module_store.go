package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/bootstrap/loop"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

func storeModule() fx.Option {
	return fx.Module("store",
		fx.Provide(newStore, newCommits),
		conditions(func(s *bunstore.Store) ports.Conditions { return s.Conditions }),
		conditions(damagedRows),
		fx.Invoke(runInspection),
	)
}

// storeParts are the dependencies of the store.
type storeParts struct {
	fx.In

	Settings settings.Settings
	Log      *zap.Logger
	IDs      ports.IDs
	Backoff  ports.Backoff
	Commits  commits
	Clock    *system.StoreClock
	TLS      storeTLS
	Modules  []bunstore.Module `group:"stores"`
}

// newStore opens the store, and prepares it when the app starts.
func newStore(lc fx.Lifecycle, p storeParts) (*bunstore.Store, error) {
	store, err := openStore(context.Background(), p.Settings, bunstore.Options{
		IDs: p.IDs, Modules: p.Modules, Committed: p.Commits.Notify, TimeQuery: p.Clock.TimeQuery, Log: p.Log,
		TLS:     p.TLS.Database,
		Damaged: func(r bunstore.DamagedRow) { logDamaged(p.Log, r) },
	})
	if err != nil {
		return nil, aboutDatabase(p.Settings, err)
	}
	lc.Append(fx.StartStopHook(
		func(ctx context.Context) error { return p.prepare(ctx, store) },
		store.Close,
	))
	return store, nil
}

// storeModules returns what the service's modules add to the store.
func storeModules() []bunstore.Module {
	list := []bunstore.Module{keystore.Module()}
	for _, m := range modules() {
		list = append(list, m.Store)
	}
	return list
}

// openStore opens the store that DATABASE_URL names.
func openStore(ctx context.Context, s settings.Settings, o bunstore.Options) (*bunstore.Store, error) {
	if s.Database.SQLite != "" {
		return bunstore.OpenSQLite(ctx, s.Database.SQLite, o)
	}
	return bunstore.OpenPostgres(ctx, s.Database.Postgres.Reveal(), o)
}

// databaseTimeout bounds how long a start waits for an unavailable database. It is shorter
// than startTimeout, so that the start fails with the error of the last attempt.
const databaseTimeout = 30 * time.Second

// prepare waits for the database, and migrates it or checks that it needs no migration. A
// rejected login or certificate is not retried.
func (p storeParts) prepare(ctx context.Context, store *bunstore.Store) error {
	if err := store.ServeAlone(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := p.attempt(ctx, store)
		if !errors.Is(err, fault.ErrUnavailable) || bunstore.LoginRefused(err) || bunstore.HandshakeRefused(err) {
			return aboutDatabase(p.Settings, err)
		}
		if attempt == 1 {
			p.Log.Warn("database unreachable; retrying", zap.Error(err))
		}
		if waitErr := p.Backoff.Wait(ctx, attempt); waitErr != nil {
			return aboutDatabase(p.Settings, err)
		}
	}
}

// aboutDatabase names the database of an error, without its credentials.
func aboutDatabase(s settings.Settings, err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind() == fault.Unavailable {
		if bunstore.LoginRefused(err) {
			f = f.WithMessage("The database server refuses this login, role or database. Correct DATABASE_URL.")
		}
		if bunstore.HandshakeRefused(err) {
			f = f.WithMessage("The database server cannot be reached by TLS. Correct DATABASE_URL.")
		}
		return f.WithCause(fmt.Errorf("%s: %w", s.Database.Place(), f.Unwrap()))
	}
	return fmt.Errorf("%s: %w", s.Database.Place(), err)
}

func (p storeParts) attempt(ctx context.Context, store *bunstore.Store) error {
	if err := p.migrate(ctx, store); err != nil {
		return err
	}
	return feedstore.LearnTime(ctx, store)
}

func (p storeParts) migrate(ctx context.Context, store *bunstore.Store) error {
	if !p.Settings.MigrateOnStart {
		return store.CheckSchema(ctx)
	}
	applied, err := store.Migrate(ctx)
	if err != nil || applied == 0 {
		return err
	}
	p.Log.Info("database migrated", zap.Int("applied", applied))
	return note(ctx, store, p.Clock, scope.System(), schemaMigrated, strconv.Itoa(applied))
}

// Interval and timeout of the inspection for damaged rows.
const (
	inspectEvery   = time.Minute
	inspectMaxWait = time.Hour
	inspectTimeout = 10 * time.Minute
)

// logDamaged logs a damaged row by its table, id and rule, without values.
func logDamaged(log *zap.Logger, r bunstore.DamagedRow) {
	log.Error("damaged row skipped", zap.String("table", r.Table), zap.String("id", r.ID), zap.String("rule", r.Why))
}

// damagedRows reports the known damaged rows.
func damagedRows(store *bunstore.Store) ports.Conditions {
	return func() []ports.Condition {
		n := store.DamagedRows()
		if n == 0 {
			return nil
		}
		return []ports.Condition{{
			Name: "damaged_rows", Count: n,
			Message: "Rows in the database cannot be read; the log names them (damaged row skipped). Delete or " +
				"roll back what they belong to, or repair them: docs/operations.md, Damaged rows.",
		}}
	}
}

// runInspection looks for damaged rows until the stop, first at once.
func runInspection(lc fx.Lifecycle, store *bunstore.Store, reporter *loop.Reporter) {
	runLoops(lc, reporter, nil, loop.Loop{
		Every: inspectEvery, MaxWait: inspectMaxWait, Immediate: true, Timeout: inspectTimeout,
		Step:    loop.Once(store.Inspect),
		Failing: "damaged row inspection failed", Recovered: "damaged row inspection recovered",
	})
}
