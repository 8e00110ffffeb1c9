package feedstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/ports"
)

// How long a leader may act after it confirmed its lock, and after how long without a
// statement the database ends its session, and so its lock. The difference covers the
// time of the query, clocks of different speed, and in-flight work.
const (
	leaderTerm  = 3 * time.Second
	idleTimeout = 5 * time.Second
	// The term of SQLite's only process.
	soleTerm = time.Minute
)

// leaderLock is the key of the advisory lock: "signalbox" in ASCII, cut to eight
// bytes.
const leaderLock = 0x7369_676e_616c_626f

// Leadership is an advisory lock of a session of its own on PostgreSQL. On SQLite
// the process that has the file is the leader.
type Leadership struct {
	// connector opens the session, nil on SQLite.
	connector driver.Connector
	// term and idle are leaderTerm and idleTimeout, but in tests.
	term, idle time.Duration
	mu         sync.Mutex
	// pool has this session only; both are nil before the first use and after a failure.
	pool    *sql.DB
	session *sql.Conn
	elected bool
}

var _ ports.Leadership = (*Leadership)(nil)

// NewLeadership returns the leadership of the replicas of a store. Confirm connects,
// and Resign ends the connection.
func NewLeadership(s *bunstore.Store) *Leadership {
	return &Leadership{connector: s.Connector(), term: leaderTerm, idle: idleTimeout}
}

// Confirm checks that the session is alive, or tries to get the lock. The database ends
// a session that is idle for idleTimeout (idle_session_timeout of PostgreSQL 14): a
// leader that cannot confirm has stopped before another one may start.
func (l *Leadership) Confirm(ctx context.Context) (time.Duration, error) {
	if l.connector == nil {
		return soleTerm, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	begun := time.Now() //nolint:forbidigo // monotonic: it bounds the time of the query
	if err := l.confirm(ctx); err != nil {
		return 0, dberror.Translate(errors.Join(err, l.disconnect()), "confirm the leadership", nil)
	}
	if !l.elected {
		return 0, nil
	}
	return max(0, l.term-time.Since(begun)), nil //nolint:forbidigo // as above
}

func (l *Leadership) confirm(ctx context.Context) (err error) {
	if l.session == nil {
		l.pool = sql.OpenDB(l.connector)
		if l.session, err = l.pool.Conn(ctx); err != nil {
			return err
		}
		timeout := strconv.FormatInt(l.idle.Milliseconds(), 10)
		if _, err := l.session.ExecContext(ctx, "SET idle_session_timeout = "+timeout); err != nil {
			return err
		}
	}
	if l.elected {
		_, err = l.session.ExecContext(ctx, "SELECT 1")
		return err
	}
	l.elected, err = bunstore.FinalBool(ctx, l.session, "SELECT pg_try_advisory_lock($1)", int64(leaderLock))
	return err
}

// disconnect ends the session, and with it the lock.
func (l *Leadership) disconnect() error {
	pool, session := l.pool, l.session
	l.pool, l.session, l.elected = nil, nil, false
	if pool == nil {
		return nil
	}
	if session == nil {
		return pool.Close()
	}
	// The pool would reuse the session, and so is closed with it.
	return errors.Join(session.Close(), pool.Close())
}

// Resign ends the session.
func (l *Leadership) Resign(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return dberror.Translate(l.disconnect(), "resign", nil)
}
