package bunstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/migrations"
)

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	Applied   bool
	AppliedAt time.Time
}

// lockRetry is the interval between two attempts to take a lock file.
const lockRetry = 20 * time.Millisecond

// goose attempts to take PostgreSQL's lock once a second, which is its shortest
// interval, for five minutes.
const (
	lockPeriod = 1
	lockTries  = 300
)

// Migrate applies the steps that are missing and returns how many. It holds a
// lock, so that of several processes one migrates and the others find it done;
// where nothing is missing, no process waits for another on PostgreSQL. A database
// that is newer than this binary, or that holds tables of another program under
// our names, is refused before anything is written.
func (s *Store) Migrate(ctx context.Context) (applied int, err error) {
	release, err := s.lockFile(ctx, ".lock")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, release()) }()
	found, err := s.schema(ctx)
	if err != nil {
		return 0, err
	}
	if err := found.refusal(); err != nil {
		return 0, err
	}
	if !found.outdated() {
		return 0, nil
	}
	if err := s.adoptFormerTable(ctx, found); err != nil {
		return 0, err
	}
	provider, err := s.provider()
	if err != nil {
		return 0, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return len(results), translate(err, "migrate the database", nil)
	}
	return len(results), nil
}

// CheckSchema returns nil if the database is what this binary was built for. A
// newer database, one with steps missing, and one of another program are refused
// with a sentence. Nothing is written.
func (s *Store) CheckSchema(ctx context.Context) error {
	found, err := s.schema(ctx)
	if err != nil {
		return err
	}
	if err := found.refusal(); err != nil {
		return err
	}
	switch {
	case found.table == "":
		return errors.New("the database holds no Signalbox tables: run 'signalbox migrate up', " +
			"or start 'signalbox serve' with MIGRATE_ON_START=true")
	case found.outdated():
		return errors.New(
			"the database is older than this binary: run 'signalbox migrate up', or set MIGRATE_ON_START=true")
	}
	return nil
}

// MigrationStatus lists the steps that this binary knows, in order. Nothing is
// written.
func (s *Store) MigrationStatus(ctx context.Context) ([]Migration, error) {
	found, err := s.schema(ctx)
	if err != nil {
		return nil, err
	}
	if len(found.foreign) > 0 {
		return nil, found.refusal()
	}
	return found.steps, nil
}

// adoptFormerTable gives the version table of earlier builds its present name. Of
// several processes one renames it; the others find it renamed.
func (s *Store) adoptFormerTable(ctx context.Context, found schema) error {
	if found.table != formerVersionTable {
		return nil
	}
	statement := "ALTER TABLE IF EXISTS " + formerVersionTable + " RENAME TO " + versionTable
	if s.dialect == sqlite3 {
		statement = "ALTER TABLE " + formerVersionTable + " RENAME TO " + versionTable
	}
	_, err := s.write.ExecContext(ctx, statement)
	return translate(err, "rename the version table", nil)
}

func (s *Store) provider() (*goose.Provider, error) {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable)}
	if s.dialect == postgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPeriod, lockTries))
		if err != nil {
			return nil, fmt.Errorf("prepare the migrations' lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	files, err := s.migrationFiles()
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(s.gooseDialect(), s.write.DB, files, options...)
	if err != nil {
		return nil, fmt.Errorf("prepare the migrations: %w", err)
	}
	return provider, nil
}

func (s *Store) gooseDialect() goose.Dialect {
	if s.dialect == postgres {
		return goose.DialectPostgres
	}
	return goose.DialectSQLite3
}

// migrationFiles returns the steps of this dialect.
func (s *Store) migrationFiles() (fs.FS, error) {
	name := "sqlite"
	if s.dialect == postgres {
		name = "postgres"
	}
	files, err := fs.Sub(migrations.Files, name)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return files, nil
}

// lockFile takes the lock file beside a SQLite database, and waits for it until
// ctx ends. Where there is no file there is nothing to lock.
func (s *Store) lockFile(ctx context.Context, suffix string) (release func() error, err error) {
	if s.path == "" {
		return func() error { return nil }, nil
	}
	file := flock.New(s.path + suffix)
	_, err = file.TryLockContext(ctx, lockRetry)
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fault.ErrUnavailable.WithCause(fmt.Errorf("lock %s: %w", s.path, err))
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", s.path, err)
	}
	return file.Unlock, nil
}
