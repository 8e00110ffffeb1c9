package bootstrap

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
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
}

// newStore opens the store, and brings it up to date when the app starts.
func newStore(lc fx.Lifecycle, p storeParts) (*bunstore.Store, error) {
	store, err := openStore(context.Background(), p.Settings, bunstore.Options{
		IDs: p.IDs, Committed: p.Commits.ring, Log: p.Log,
	})
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StartStopHook(
		func(ctx context.Context) error { return p.prepare(ctx, store) },
		store.Close,
	))
	return store, nil
}

// openStore picks the store by the scheme of DATABASE_URL.
func openStore(ctx context.Context, s settings.Settings, o bunstore.Options) (*bunstore.Store, error) {
	if s.Database.SQLite != "" {
		return bunstore.OpenSQLite(ctx, s.Database.SQLite, o)
	}
	return bunstore.OpenPostgres(ctx, s.Database.Postgres.Reveal(), o)
}

// prepare waits for the database, as long as ctx allows, and migrates it or
// checks that it needs no migration.
func (p storeParts) prepare(ctx context.Context, store *bunstore.Store) error {
	for attempt := 1; ; attempt++ {
		err := p.bringUp(ctx, store)
		if !errors.Is(err, fault.ErrUnavailable) {
			return err
		}
		if attempt == 1 {
			p.Log.Warn("the database cannot be reached yet; trying again", zap.Error(err))
		}
		if waitErr := p.Backoff.Wait(ctx, attempt); waitErr != nil {
			return fmt.Errorf("wait for the database: %w", err)
		}
	}
}

func (p storeParts) bringUp(ctx context.Context, store *bunstore.Store) error {
	if !p.Settings.MigrateOnStart {
		return store.CheckSchema(ctx)
	}
	applied, err := store.Migrate(ctx)
	if err == nil && applied > 0 {
		p.Log.Info("database migrated", zap.Int("applied", applied))
	}
	return err
}
