package migrator

import (
	"context"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
)

// Migrator applies migrations to one database.
type Migrator struct {
	Read, Write *bun.DB
	Dialect     goose.Dialect
	// Sources are applied in order.
	Sources []Source
}

// goose tries to take PostgreSQL's lock once a second, which is its shortest interval,
// for five minutes.
const (
	lockPeriod = 1
	lockTries  = 300
)

func (m Migrator) postgres() bool { return m.Dialect == goose.DialectPostgres }

// Up applies the missing migrations of all sources and returns how many. On PostgreSQL
// it holds a lock, so that of several processes one migrates and the others find it
// done; where nothing is missing, no process waits. A database that is newer than this
// binary, or that holds tables of another program under a source's names, is rejected
// before anything is written.
func (m Migrator) Up(ctx context.Context) (applied int, err error) {
	list, err := m.read(ctx)
	if err != nil {
		return 0, err
	}
	for _, found := range list {
		if err := found.refusal(); err != nil {
			return 0, err
		}
	}
	for _, found := range list {
		if !found.outdated() {
			continue
		}
		n, err := m.up(ctx, found)
		applied += n
		if err != nil {
			return applied, err
		}
	}
	return applied, nil
}

func (m Migrator) up(ctx context.Context, found schema) (int, error) {
	if err := m.adoptFormerTable(ctx, found); err != nil {
		return 0, err
	}
	provider, err := m.provider(found.source)
	if err != nil {
		return 0, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return len(results), dberror.Translate(err, "migrate the database", nil)
	}
	return len(results), nil
}

// Check returns nil if the database is what this binary was built for. A newer
// database, one with migrations missing, and one of another program are rejected with
// what to do. Nothing is written.
func (m Migrator) Check(ctx context.Context) error {
	list, err := m.read(ctx)
	if err != nil {
		return err
	}
	for _, found := range list {
		if err := found.refusal(); err != nil {
			return err
		}
	}
	if list[0].table == "" {
		return errors.New("the database holds no Signalbox tables: run 'signalbox migrate up', " +
			"or start 'signalbox serve' with MIGRATE_ON_START=true")
	}
	for _, found := range list {
		if found.outdated() {
			return errors.New(
				"the database is older than this binary: run 'signalbox migrate up', or set MIGRATE_ON_START=true")
		}
	}
	return nil
}

// Status lists the migrations that this binary knows, source by source in order.
// Nothing is written.
func (m Migrator) Status(ctx context.Context) ([]Migration, error) {
	list, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	var status []Migration
	for _, found := range list {
		if len(found.foreign) > 0 {
			return nil, found.refusal()
		}
		status = append(status, found.migrations...)
	}
	return status, nil
}

// Foreign returns why the database is another program's, or nil also where that cannot
// be read. Nothing is written.
func (m Migrator) Foreign(ctx context.Context) error {
	list, err := m.read(ctx)
	if err != nil {
		return nil //nolint:nilerr // opening the database reports what is wrong with it
	}
	for _, found := range list {
		if len(found.foreign) > 0 {
			return found.refusal()
		}
	}
	return nil
}

// adoptFormerTable renames the version table of earlier builds. Of several processes
// one renames it; the others find it renamed.
func (m Migrator) adoptFormerTable(ctx context.Context, found schema) error {
	if found.table == "" || found.table != found.source.formerTable {
		return nil
	}
	statement := "ALTER TABLE IF EXISTS " + found.table + " RENAME TO " + found.source.Table
	if !m.postgres() {
		statement = "ALTER TABLE " + found.table + " RENAME TO " + found.source.Table
	}
	_, err := m.Write.ExecContext(ctx, statement)
	return dberror.Translate(err, "rename the version table", nil)
}

func (m Migrator) provider(source Source) (*goose.Provider, error) {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithTableName(source.Table)}
	if m.postgres() {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPeriod, lockTries))
		if err != nil {
			return nil, fmt.Errorf("prepare the migrations' lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	files, err := source.files(m.Dialect)
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(m.Dialect, m.Write.DB, files, options...)
	if err != nil {
		return nil, fmt.Errorf("prepare the migrations: %w", err)
	}
	return provider, nil
}
