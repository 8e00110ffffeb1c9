package bunstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/gofrs/flock"
	"github.com/uptrace/bun"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/ports"
)

// Options is what a store needs beside its database.
type Options struct {
	// IDs makes the ids of events.
	IDs ports.IDs
	// Committed is called after each save that may have put events into the outbox,
	// and does not wait; nil for nobody.
	Committed func()
	// Log gets the messages of the PostgreSQL driver, which has one logger for the
	// whole process: the store that was opened last has it. Nil drops them.
	Log *zap.Logger
	// Existing refuses a SQLite file that is missing, instead of creating it.
	Existing bool
	// Asked is called before a shared database is asked for its time, and what it
	// returns with the answer; nil for nobody. Neither waits.
	Asked func() (answered func(time.Time))
	// Damaged is told once of each row that cannot be read, and does not wait; nil for
	// nobody.
	Damaged func(DamagedRow)
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	// write takes everything that changes data; on SQLite it is one connection.
	write *bun.DB
	// read may be the same.
	read    *bun.DB
	options Options
	dialect dialect
	// commits is the group commit of SQLite, nil on PostgreSQL.
	commits *groupCommit
	// connector makes connections to PostgreSQL, nil on SQLite.
	connector driver.Connector
	// damage knows the rows that cannot be read.
	damage *damage
	// path is the file of SQLite, empty where there is none.
	path string
	// file is the SQLite file that was opened, serving the lock of ServeAlone; nil
	// where there is none.
	file      *databaseFile
	serving   *flock.Flock
	lastWrite lastWrite
}

// Configurations returns the store of configurations and their history.
func (s *Store) Configurations() *Configurations { return &Configurations{store: s} }

// Flags returns the store of feature flags and their history.
func (s *Store) Flags() *Flags { return &Flags{store: s} }

// Services returns the store of services, their instances and their history.
func (s *Store) Services() *Services { return &Services{store: s} }

// Feed returns the feed of all that has changed.
func (s *Store) Feed() *Feed { return &Feed{store: s} }

// Deliveries returns what was published of the feed.
func (s *Store) Deliveries() *Deliveries { return &Deliveries{store: s} }

// Keys returns the store of API keys.
func (s *Store) Keys() *Keys { return &Keys{store: s} }

// Replicas returns which processes serve from this database.
func (s *Store) Replicas() *Replicas { return &Replicas{store: s} }

// Ping returns nil if the database answers, else fault.ErrUnavailable.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.read.PingContext(ctx); err != nil {
		return translate(err, "ping the database", nil)
	}
	return s.file.check()
}

// Close finishes the running writes and closes the database. Writes that come
// later are fault.ErrUnavailable.
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
		return translate(err, "close the database", nil)
	}
	return nil
}

// transact runs work in one transaction: all of it or nothing. On PostgreSQL it
// runs again when the database asks for it; work must not keep state between.
func (s *Store) transact(ctx context.Context, work func(context.Context, bun.Tx) error) error {
	err := s.transaction(ctx, work)
	s.lastWrite.failed(ctx, err)
	return err
}

func (s *Store) transaction(ctx context.Context, work func(context.Context, bun.Tx) error) error {
	if s.commits != nil {
		return s.commits.do(ctx, work)
	}
	return again(ctx, func() error { return s.write.RunInTx(ctx, nil, work) })
}
