package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/flagstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

// storeParts is what the store is made of.
type storeParts struct {
	fx.In

	Settings settings.Settings
	Log      *zap.Logger
	IDs      ports.IDs
	Backoff  ports.Backoff
	Commits  commits
	Clock    *system.StoreClock
}

// newStore opens the store, and brings it up to date when the app starts.
func newStore(lc fx.Lifecycle, p storeParts) (*bunstore.Store, error) {
	store, err := openStore(context.Background(), p.Settings, bunstore.Options{
		IDs: p.IDs, Committed: p.Commits.ring, Asked: p.Clock.Asked, Log: p.Log,
		Damaged: func(r bunstore.DamagedRow) { tellDamaged(p.Log, r) },
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

// storeModules are what the modules add to the store.
func storeModules() []bunstore.Module {
	return []bunstore.Module{configstore.Module(), flagstore.Module(), registrystore.Module(), keystore.Module()}
}

// openStore picks the store by the scheme of DATABASE_URL.
func openStore(ctx context.Context, s settings.Settings, o bunstore.Options) (*bunstore.Store, error) {
	o.Modules = append(storeModules(), o.Modules...)
	if s.Database.SQLite != "" {
		return bunstore.OpenSQLite(ctx, s.Database.SQLite, o)
	}
	return bunstore.OpenPostgres(ctx, s.Database.Postgres.Reveal(), o)
}

// databaseTimeout bounds how long a start waits for a database that does not
// answer. It is shorter than startTimeout, so that the sentence of the last attempt
// is what the start ends with.
const databaseTimeout = 30 * time.Second

// prepare waits for the database, and migrates it or checks that it needs no
// migration. A database that refuses this client is not waited for.
func (p storeParts) prepare(ctx context.Context, store *bunstore.Store) error {
	if err := store.ServeAlone(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := p.bringUp(ctx, store)
		if !errors.Is(err, fault.ErrUnavailable) || bunstore.LoginRefused(err) {
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

// aboutDatabase says which database an error is about, without its credentials.
func aboutDatabase(s settings.Settings, err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind() == fault.Unavailable {
		if bunstore.LoginRefused(err) {
			f = f.WithMessage("The database server refuses this login, role or database. Correct DATABASE_URL.")
		}
		return f.WithCause(fmt.Errorf("%s: %w", s.Database.Place(), f.Unwrap()))
	}
	return fmt.Errorf("%s: %w", s.Database.Place(), err)
}

func (p storeParts) bringUp(ctx context.Context, store *bunstore.Store) error {
	if err := p.bringSchema(ctx, store); err != nil {
		return err
	}
	// What is stamped during the start is stamped by the store's clock, too.
	return feedstore.LearnTime(ctx, store)
}

func (p storeParts) bringSchema(ctx context.Context, store *bunstore.Store) error {
	if !p.Settings.MigrateOnStart {
		return store.CheckSchema(ctx)
	}
	applied, err := store.Migrate(ctx)
	if err == nil && applied > 0 {
		p.Log.Info("database migrated", zap.Int("applied", applied))
	}
	return err
}
