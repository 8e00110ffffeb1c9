package bunstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// errURL stands for what is wrong with a URL that may hold a password.
var errURL = errors.New("it is not a URL")

// dialect is which database is spoken to.
type dialect uint8

const (
	postgres dialect = iota + 1
	sqlite3
)

// maxTries bounds how often PostgreSQL may ask for a transaction again; the longest
// wait between two tries doubles from firstWait up to longestWait.
const (
	maxTries    = 8
	firstWait   = 4 * time.Millisecond
	longestWait = 128 * time.Millisecond
)

// again runs a transaction again while PostgreSQL ends it to resolve a deadlock
// or a serialization failure, with backoff and full jitter. It does not begin a wait
// that ctx's deadline would cut short.
func again(ctx context.Context, transaction func() error) error {
	wait := firstWait
	for n := 1; ; n++ {
		err := transaction()
		state := sqlState(err)
		//nolint:gosec // nobody gains by guessing the pause
		if state != "40001" && state != "40P01" || n == maxTries || !pause(ctx, rand.N(wait)) {
			return err
		}
		wait = min(2*wait, longestWait)
	}
}

// pause waits, and reports whether there is time left.
func pause(ctx context.Context, wait time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait { //nolint:forbidigo // deadlines are by the wall clock
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// translate turns a driver's error into a fault by its code. A fault, and a
// caller who has gone away, come back as they are; taken is what a unique
// violation means here, or nil where there can be none.
func translate(err error, doing string, taken *fault.Error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if errors.Is(err, driver.ErrBadConn) { // which says that nothing was sent
		err = fmt.Errorf("%w: %w", fault.ErrUnreached, err)
	}
	meant := meaning(err)
	if meant == errTaken && taken != nil {
		meant = taken
	}
	if meant == nil || meant == errTaken {
		return fmt.Errorf("%s: %w", doing, redacted{err})
	}
	return meant.WithCause(fmt.Errorf("%s: %w", doing, redacted{err}))
}

// errTaken marks a unique violation until the caller says what it means.
var errTaken = fault.New(fault.Conflict, "taken", "It exists already.")

// meaning returns the fault that an error's code stands for, or nil.
func meaning(err error) *fault.Error {
	if state := sqlState(err); state != "" {
		return postgresMeaning(state)
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteMeaning(lite.Code())
	}
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return nil
	case errors.As(err, &network), errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, context.DeadlineExceeded):
		return fault.ErrUnavailable
	}
	return nil
}

// sqlState returns PostgreSQL's five-character code, or "".
func sqlState(err error) string {
	var pg pgdriver.Error
	if !errors.As(err, &pg) {
		return ""
	}
	return pg.Field('C')
}

// postgresMeaning follows PostgreSQL's appendix A, "Error Codes".
func postgresMeaning(state string) *fault.Error {
	switch state {
	case "23505":
		return errTaken
	case "40001", "40P01", "55P03":
		return fault.ErrContended
	case "22001", "22021", "22P05":
		return fault.ErrInvalid
	case "25006":
		return fault.ErrReadOnly
	case "57014", "57P01", "57P02", "57P03", "57P05":
		return fault.ErrUnavailable
	}
	switch class := state[:2]; class {
	case "08", "53", "58":
		return fault.ErrUnavailable
	}
	if refusesLogin(state) {
		return fault.ErrUnavailable
	}
	return nil
}

// LoginRefused reports whether the database server answered and did not let this
// client in: a wrong password, or a role or database that does not exist. Waiting
// does not help.
func LoginRefused(err error) bool { return refusesLogin(sqlState(err)) }

func refusesLogin(state string) bool { return strings.HasPrefix(state, "28") || state == "3D000" }

// sqliteMeaning follows SQLite's "Result and Error Codes". Extended codes hold
// the primary one in their lowest byte.
func sqliteMeaning(code int) *fault.Error {
	switch code {
	case sqlitelib.SQLITE_CONSTRAINT_UNIQUE, sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY:
		return errTaken
	}
	switch code & 0xff {
	case sqlitelib.SQLITE_BUSY, sqlitelib.SQLITE_LOCKED:
		return fault.ErrContended
	case sqlitelib.SQLITE_READONLY:
		return fault.ErrReadOnly
	case sqlitelib.SQLITE_TOOBIG:
		return fault.ErrInvalid
	case sqlitelib.SQLITE_FULL, sqlitelib.SQLITE_IOERR, sqlitelib.SQLITE_CANTOPEN,
		sqlitelib.SQLITE_INTERRUPT, sqlitelib.SQLITE_NOMEM:
		return fault.ErrUnavailable
	}
	return nil
}
