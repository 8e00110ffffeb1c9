package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	// The driver registers itself as "sqlite".
	_ "modernc.org/sqlite"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Memory is the path of a SQLite database in memory, which ends when it is closed.
const Memory = ":memory:"

// sqliteReaders bounds the reading connections beside the writing one.
const sqliteReaders = 4

// OpenSQLite returns a store over a SQLite file, or over Memory. A file that is
// missing is created, or is fault.ErrUnavailable with Options.Existing. The store
// uses a write-ahead log and syncs it to the disk at every commit; concurrent writes
// share a commit. Writes to a file that was deleted or replaced since are
// fault.ErrUnavailable.
func OpenSQLite(ctx context.Context, path string, o Options) (*Store, error) {
	s := &Store{options: o, dialect: SQLite, path: path, damage: &damage{notify: o.Damaged}}
	if path == Memory {
		s.path = ""
	} else {
		s.path = resolved(path)
	}
	if err := s.openFile(ctx, path); err != nil {
		return nil, err
	}
	//nolint:contextcheck // it runs until Close
	s.commits = newGroupCommit(s.write, s.file)
	return s, nil
}

// openFile opens the connections to a file, and stores which file it is.
func (s *Store) openFile(ctx context.Context, path string) error {
	if err := s.checkForeign(ctx, path); err != nil {
		return err
	}
	s.warnReadable(path)
	if !s.options.Existing || path == Memory {
		return s.openOrCreate(ctx, path)
	}
	if _, err := os.Stat(path); err != nil {
		return fault.ErrUnavailable.WithMessage("There is no database.").WithCause(fmt.Errorf(
			"there is no database file %s: start 'signalbox serve' or run 'signalbox migrate up' to create it, "+
				"or correct DATABASE_URL", path))
	}
	return s.openPools(ctx, path, "mode=rw")
}

// openOrCreate opens the connections, one process at a time: SQLite does not wait
// for another process that is changing a new file to WAL.
func (s *Store) openOrCreate(ctx context.Context, path string) (err error) {
	release, err := s.lockFile(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	createPrivate(path)
	return s.openPools(ctx, path, "mode=rwc")
}

func (s *Store) openPools(ctx context.Context, path, mode string) (err error) {
	if s.write, err = openSQLite(ctx, path, 1, mode+"&_txlock=immediate"); err != nil {
		return err
	}
	s.read = s.write
	if path == Memory {
		return nil
	}
	if s.read, err = openSQLite(ctx, path, sqliteReaders, "mode=rw&_pragma=query_only(1)"); err != nil {
		return errors.Join(err, s.write.Close())
	}
	s.file, err = watchFile(path)
	return err
}

// checkForeign returns why a file is another program's, or nil. It reads the file
// before it is opened for writing: changing the journal to WAL would change the file.
func (s *Store) checkForeign(ctx context.Context, path string) error {
	if found, err := os.Stat(path); path == Memory || err != nil || found.Size() == 0 {
		return nil // no file to read
	}
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = pool.Close() }() // nothing was written
	reader := &Store{read: bun.NewDB(pool, sqlitedialect.New()), dialect: SQLite, options: s.options}
	return reader.migrator().Foreign(ctx)
}

// resolved returns the path without symbolic links, so that one file has one lock.
func resolved(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

func openSQLite(ctx context.Context, path string, connections int, extra string) (*bun.DB, error) {
	name := "file:" + (&url.URL{Path: path}).EscapedPath()
	if path == Memory {
		name = path
	}
	pool, err := sql.Open("sqlite", name+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&"+
		extra)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	if err := pool.PingContext(ctx); err != nil {
		return nil, dberror.Translate(err, "open "+path, nil)
	}
	return bun.NewDB(pool, sqlitedialect.New()), nil
}
