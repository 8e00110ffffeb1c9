package bunstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// How long a leader may act without asking again, and after which silence the
// database ends its session, and so its lock. The difference is for the way of the
// question, for clocks that do not run alike, and for what was begun.
const (
	leaderTrust   = 3 * time.Second
	leaderSilence = 5 * time.Second
	// The one process of SQLite gets alone.
	alone = time.Minute
)

// leaderLock is the key of the advisory lock: "signalbox" in ASCII, cut to eight
// bytes.
const leaderLock = 0x7369_676e_616c_626f

// Leadership is an advisory lock of a session of its own on PostgreSQL. On SQLite
// the process that has the file leads.
type Leadership struct {
	// connector makes the session, nil on SQLite.
	connector driver.Connector
	// trust and silence are leaderTrust and leaderSilence, but in tests.
	trust, silence time.Duration
	mu             sync.Mutex
	// pool has the session alone; both are nil before it is needed and after it failed.
	pool    *sql.DB
	session *sql.Conn
	leads   bool
}

var _ ports.Leadership = (*Leadership)(nil)

// Leadership returns who may relay the feed. It connects when it is asked, and
// Resign ends the connection.
func (s *Store) Leadership() *Leadership {
	if s.dialect != postgres {
		return &Leadership{}
	}
	return &Leadership{connector: s.connector, trust: leaderTrust, silence: leaderSilence}
}

// Confirm asks the session that holds the lock, or tries to get it. The database
// ends a session that has been silent for leaderSilence (idle_session_timeout of
// PostgreSQL 14): who cannot ask has stopped before another one may start.
func (l *Leadership) Confirm(ctx context.Context) (time.Duration, error) {
	if l.connector == nil {
		return alone, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := time.Now() //nolint:forbidigo // monotonic: it bounds the way of the question
	if err := l.ask(ctx); err != nil {
		return 0, translate(errors.Join(err, l.drop()), "ask who leads", nil)
	}
	if !l.leads {
		return 0, nil
	}
	return max(0, l.trust-time.Since(asked)), nil //nolint:forbidigo // as above
}

func (l *Leadership) ask(ctx context.Context) (err error) {
	if l.session == nil {
		l.pool = sql.OpenDB(l.connector)
		if l.session, err = l.pool.Conn(ctx); err != nil {
			return err
		}
		timeout := strconv.FormatInt(l.silence.Milliseconds(), 10)
		if _, err := l.session.ExecContext(ctx, "SET idle_session_timeout = "+timeout); err != nil {
			return err
		}
	}
	if l.leads {
		_, err = l.session.ExecContext(ctx, "SELECT 1")
		return err
	}
	l.leads, err = finalBool(ctx, l.session, "SELECT pg_try_advisory_lock($1)", int64(leaderLock))
	return err
}

// drop ends the session, and the lock with it.
func (l *Leadership) drop() error {
	pool, session := l.pool, l.session
	l.pool, l.session, l.leads = nil, nil, false
	if pool == nil {
		return nil
	}
	if session == nil {
		return pool.Close()
	}
	// The pool would keep the session for later, and so is closed with it.
	return errors.Join(session.Close(), pool.Close())
}

// Resign ends the session.
func (l *Leadership) Resign(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return translate(l.drop(), "resign", nil)
}
