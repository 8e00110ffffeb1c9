package bunstore

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/gofrs/flock"
	"github.com/uptrace/bun"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/ports"
)

// Options is what a store needs beside its database.
type Options struct {
	// IDs makes the ids of events.
	IDs ports.IDs
	// Modules are what the modules add to the store.
	Modules []Module
	// Committed is called after each save that may have written events to the outbox,
	// and does not block; nil for none.
	Committed func()
	// Log receives a warning about a SQLite file that other users can access, and the
	// messages of the PostgreSQL driver, which has one logger per process: the store that
	// was opened last sets it. Nil discards them.
	Log *zap.Logger
	// TLS has the authorities of PostgreSQL's certificate, nil for those of the system, and
	// the client's own certificate; it is nil without either.
	TLS *tls.Config
	// Existing rejects a SQLite file that is missing, instead of creating it.
	Existing bool
	// TimeQuery is called before a shared database is queried for its time, and the
	// function that it returns with the answer; nil for none. Neither blocks.
	TimeQuery func() (answered func(time.Time))
	// Damaged is called once for each row that is found unreadable, and does not block;
	// nil for none.
	Damaged func(DamagedRow)
}

// Dialect is the kind of database.
type Dialect uint8

// The dialects.
const (
	Postgres Dialect = iota + 1
	SQLite
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	// write takes everything that changes data; on SQLite it is one connection.
	write *bun.DB
	// read may be the same.
	read    *bun.DB
	options Options
	dialect Dialect
	// commits is the group commit of SQLite, nil on PostgreSQL.
	commits *groupCommit
	// connector connects to PostgreSQL, nil on SQLite.
	connector driver.Connector
	damage    *damage
	// path is the file of SQLite, empty where there is none.
	path string
	// file is the SQLite file that was opened, serving the lock of ServeAlone; nil
	// where there is none.
	file      *databaseFile
	serving   *flock.Flock
	lastWrite lastWrite
}

// Dialect returns the kind of database.
func (s *Store) Dialect() Dialect { return s.dialect }

// IDs returns what makes the ids of events.
func (s *Store) IDs() ports.IDs { return s.options.IDs }

// Connector returns what connects to PostgreSQL, nil on SQLite.
func (s *Store) Connector() driver.Connector { return s.connector }

// NewSelect returns a query outside of a transaction.
func (s *Store) NewSelect() *bun.SelectQuery { return s.read.NewSelect() }

// Ping returns nil if the database answers, else fault.ErrUnavailable.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.read.PingContext(ctx); err != nil {
		return dberror.Translate(err, "ping the database", nil)
	}
	return s.file.check()
}

// LoginRefused reports whether the database server rejected the login. A retry does
// not help.
func LoginRefused(err error) bool { return dberror.LoginRefused(err) }

// HandshakeRefused reports whether the client or the database server rejected the certificate
// of the other, or the server does not use TLS. A retry does not help.
func HandshakeRefused(err error) bool { return dberror.HandshakeRefused(err) }

// Close finishes the in-flight writes and closes the database. Later writes are
// fault.ErrUnavailable.
func (s *Store) Close() error {
	if s.commits != nil {
		s.commits.close()
	}
	err := s.write.Close()
	if s.read != s.write {
		err = errors.Join(err, s.read.Close())
	}
	if s.serving != nil {
		err = errors.Join(err, s.serving.Unlock())
	}
	if err != nil {
		return dberror.Translate(err, "close the database", nil)
	}
	return nil
}

// Transact runs work in one transaction: all of it or nothing. On PostgreSQL it is
// retried after serialization failures, so work must not keep state between calls.
func (s *Store) Transact(ctx context.Context, work func(context.Context, bun.Tx) error) error {
	err := s.transaction(ctx, work)
	s.lastWrite.failed(ctx, err)
	return err
}

func (s *Store) transaction(ctx context.Context, work func(context.Context, bun.Tx) error) error {
	if s.commits != nil {
		return s.commits.do(ctx, work)
	}
	return retryTx(ctx, func() error { return s.write.RunInTx(ctx, nil, work) })
}

// Clock returns the database's clock as an expression that a timestamp column reads.
func (s *Store) Clock() bun.Safe {
	if s.dialect == Postgres {
		return "clock_timestamp()"
	}
	return "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"
}

// UnixClock returns the database's clock as an expression, in seconds since 1970.
func (s *Store) UnixClock() bun.Safe {
	if s.dialect == Postgres {
		return "extract(epoch FROM clock_timestamp())::bigint"
	}
	return "unixepoch()"
}

// BeginTimeQuery is called before a query of Clock, and the function that it returns
// with the answer: the process's clock follows a shared database (Options.TimeQuery).
// SQLite's clock is this machine's.
func (s *Store) BeginTimeQuery() (answered func(time.Time)) {
	if s.dialect != Postgres || s.options.TimeQuery == nil {
		return func(time.Time) {}
	}
	return s.options.TimeQuery()
}
