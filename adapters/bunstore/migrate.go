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

// lockRetry is how often a process looks whether another has migrated.
const lockRetry = 20 * time.Millisecond

// PostgreSQL's lock is looked at once a second, which is as often as goose can,
// for five minutes.
const (
	lockPeriod = 1
	lockTries  = 300
)

// Migrate applies the steps that are missing and returns how many. It holds a
// lock, so that of several at once one does it and the others find it done; where
// nothing is missing, nobody waits for anybody on PostgreSQL. A database newer
// than this binary is refused.
func (s *Store) Migrate(ctx context.Context) (applied int, err error) {
	release, err := s.lockFile(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, release()) }()
	provider, err := s.provider()
	if err != nil {
		return 0, err
	}
	if err := refuseNewer(ctx, provider); err != nil {
		return 0, err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return 0, translate(err, "look for missing migrations", nil)
	}
	if !pending {
		return 0, nil
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return len(results), translate(err, "migrate the database", nil)
	}
	return len(results), nil
}

// CheckSchema returns nil if the database is what this binary was built for. A
// newer database, and one with steps missing, are refused with a sentence.
func (s *Store) CheckSchema(ctx context.Context) error {
	provider, err := s.provider()
	if err != nil {
		return err
	}
	if err := refuseNewer(ctx, provider); err != nil {
		return err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return translate(err, "look for missing migrations", nil)
	}
	if pending {
		return errors.New(
			"the database is older than this binary: run 'signalbox migrate up', or set MIGRATE_ON_START=true")
	}
	return nil
}

// MigrationStatus lists the steps that this binary knows, in order.
func (s *Store) MigrationStatus(ctx context.Context) ([]Migration, error) {
	provider, err := s.provider()
	if err != nil {
		return nil, err
	}
	status, err := provider.Status(ctx)
	if err != nil {
		return nil, translate(err, "read the migrations' status", nil)
	}
	list := make([]Migration, len(status))
	for i, m := range status {
		list[i] = Migration{
			Version: m.Source.Version, Name: m.Source.Path,
			Applied: m.State == goose.StateApplied, AppliedAt: m.AppliedAt,
		}
	}
	return list, nil
}

func refuseNewer(ctx context.Context, provider *goose.Provider) error {
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return translate(err, "read the database's version", nil)
	}
	if current > target {
		return fmt.Errorf(
			"the database is at version %d, this binary knows %d: start a newer signalbox", current, target)
	}
	return nil
}

func (s *Store) provider() (*goose.Provider, error) {
	name, kind, options := "sqlite", goose.DialectSQLite3, []goose.ProviderOption{}
	if s.dialect == postgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPeriod, lockTries))
		if err != nil {
			return nil, fmt.Errorf("prepare the migrations' lock: %w", err)
		}
		name, kind, options = "postgres", goose.DialectPostgres, append(options, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations.Files, name)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	options = append(options, goose.WithDisableGlobalRegistry(true))
	provider, err := goose.NewProvider(kind, s.write.DB, files, options...)
	if err != nil {
		return nil, fmt.Errorf("prepare the migrations: %w", err)
	}
	return provider, nil
}

// lockFile keeps other processes from opening or migrating the same SQLite file.
func (s *Store) lockFile(ctx context.Context) (release func() error, err error) {
	if s.path == "" {
		return func() error { return nil }, nil
	}
	file := flock.New(s.path + ".lock")
	_, err = file.TryLockContext(ctx, lockRetry)
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fault.ErrUnavailable.WithCause(fmt.Errorf("lock %s: %w", s.path, err))
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", s.path, err)
	}
	return file.Unlock, nil
}
