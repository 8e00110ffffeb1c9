package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	// The driver registers itself as "sqlite".
	_ "modernc.org/sqlite"
)

// Memory is the path of a SQLite database that is gone when it is closed.
const Memory = ":memory:"

// sqliteReaders bounds the connections that read beside the one that writes.
const sqliteReaders = 4

// OpenSQLite returns a store over a SQLite file, which is made if it is missing,
// or over Memory. It writes ahead (WAL) and waits for the disk at every commit;
// writes that wait at the same time share one commit.
func OpenSQLite(ctx context.Context, path string, o Options) (*Store, error) {
	s := &Store{options: o, dialect: sqlite3, path: path}
	if path == Memory {
		s.path = ""
	}
	if err := s.openPools(ctx, path); err != nil {
		return nil, err
	}
	s.commits = newGroupCommit(s.write) //nolint:contextcheck // it lives until Close, not until the opening is done
	return s, nil
}

// openPools opens the connections, one process at a time: SQLite does not wait
// for another one that is just turning a new file to WAL.
func (s *Store) openPools(ctx context.Context, path string) (err error) {
	release, err := s.lockFile(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if s.write, err = openSQLite(ctx, path, 1, "_txlock=immediate"); err != nil {
		return err
	}
	s.read = s.write
	if path != Memory {
		s.read, err = openSQLite(ctx, path, sqliteReaders, "_pragma=query_only(1)")
	}
	return err
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
		return nil, translate(err, "open "+path, nil)
	}
	return bun.NewDB(pool, sqlitedialect.New()), nil
}
