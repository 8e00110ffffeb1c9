package bunstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// databaseFile is the SQLite file that was opened. Writes to a file that was deleted or
// replaced since would be acknowledged and lost.
type databaseFile struct {
	path   string
	opened os.FileInfo
}

func watchFile(path string) (*databaseFile, error) {
	opened, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &databaseFile{path: path, opened: opened}, nil
}

// createPrivate creates a missing database file that only its owner can access, whatever
// the umask. SQLite gives its -wal and -shm the mode of the database file. Where it cannot
// be created, opening it reports why.
func createPrivate(path string) {
	if _, err := os.Stat(path); path == Memory || err == nil {
		return
	}
	if file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil { //nolint:gosec // the operator's path
		_ = file.Close() // nothing was written
	}
}

// warnReadable logs that other users of the machine can access an existing database file.
// Its mode is the operator's decision.
func (s *Store) warnReadable(path string) {
	found, err := os.Stat(path)
	if path == Memory || err != nil || s.options.Log == nil || runtime.GOOS == "windows" {
		return
	}
	if mode := found.Mode().Perm(); mode&0o077 != 0 {
		s.options.Log.Warn("database file accessible to other users; run chmod 600", zap.String("file", path),
			zap.Stringer("mode", mode))
	}
}

// check returns nil if the file at the path is the one that was opened, else
// fault.ErrUnavailable. A nil file always is.
func (f *databaseFile) check() error {
	if f == nil {
		return nil
	}
	found, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.ErrUnavailable.WithCause(fmt.Errorf(
			"the database file %s was deleted while it was open: restore it, and restart the service", f.path))
	case err == nil && !os.SameFile(f.opened, found):
		return fault.ErrUnavailable.WithCause(fmt.Errorf(
			"the database file %s was replaced while it was open: restart the service", f.path))
	}
	return nil
}

// ServeAlone takes the lock that one serving process has on a SQLite file until its
// store is closed. A lock that another process has is an error at once: two services
// on one file would expire each other's leases. Commands do not take it.
func (s *Store) ServeAlone(context.Context) error {
	if s.path == "" {
		return nil
	}
	serving := flock.New(s.path + ".serve.lock")
	locked, err := serving.TryLock()
	if err != nil {
		return fault.ErrUnavailable.WithCause(fmt.Errorf("lock %s: %w", serving.Path(), err))
	}
	if !locked {
		return fmt.Errorf("another 'signalbox serve' has %s open: stop it first, "+
			"or use PostgreSQL for more than one replica", s.path)
	}
	s.serving = serving
	return nil
}

// lockRetry is the interval between two attempts to take the lock file.
const lockRetry = 20 * time.Millisecond

// lockFile takes the lock file beside a SQLite database, and waits for it until
// ctx ends. Without a file there is nothing to lock.
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

// QuickCheck returns nil if the database's file is intact, as far as SQLite can tell
// without reading every index (PRAGMA quick_check); else an error with what SQLite
// reports. PostgreSQL checks its pages by itself.
func (s *Store) QuickCheck(ctx context.Context) error {
	if s.dialect != SQLite {
		return nil
	}
	var found []string
	err := s.read.NewSelect().TableExpr("pragma_quick_check").Column("quick_check").Limit(maxFindings).
		Scan(ctx, &found)
	switch {
	case err != nil:
		return fmt.Errorf("the database file is damaged: %w", err)
	case len(found) != 1 || found[0] != "ok":
		return fmt.Errorf("the database file is damaged: %s", strings.Join(found, "; "))
	}
	return nil
}

// maxFindings bounds what QuickCheck reports; SQLite's own limit.
const maxFindings = 100
