package dberror

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/uptrace/bun/driver/pgdriver"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports/handshake"
)

// ErrConflict marks a unique violation that has no meaning of its own yet.
var ErrConflict = fault.New(fault.Conflict, "taken", "It exists already.")

// Translate turns a driver's error into a fault by its code. Faults and
// context.Canceled are returned as they are. A unique violation means the given
// conflict, or is an error without a meaning where that is nil.
func Translate(err error, doing string, conflict *fault.Error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if errors.Is(err, driver.ErrBadConn) { // database/sql: nothing was sent
		err = fmt.Errorf("%w: %w", fault.ErrUnreached, err)
	}
	if why := handshake.Refusal(err, names()); why != nil {
		err = why
	}
	meaning := Meaning(err)
	if meaning == ErrConflict && conflict != nil {
		meaning = conflict
	}
	if meaning == nil || meaning == ErrConflict {
		return fmt.Errorf("%s: %w", doing, redacted{err})
	}
	return meaning.WithCause(fmt.Errorf("%s: %w", doing, redacted{err}))
}

// names are those of messages about TLS.
func names() handshake.Names {
	return handshake.Names{
		Server: "PostgreSQL", Address: "the host of DATABASE_URL", Authorities: "sslrootcert in DATABASE_URL",
		Certificate: "sslcert and sslkey in DATABASE_URL", Plain: "sslmode=disable",
	}
}

// Meaning returns the fault that an error's code stands for, or nil.
func Meaning(err error) *fault.Error {
	if state := SQLState(err); state != "" {
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
		errors.Is(err, context.DeadlineExceeded), HandshakeRefused(err):
		return fault.ErrUnavailable
	}
	return nil
}

// SQLState returns PostgreSQL's five-character code, or "".
func SQLState(err error) string {
	var pg pgdriver.Error
	if !errors.As(err, &pg) {
		return ""
	}
	return pg.Field('C')
}

// Retryable reports whether PostgreSQL ended a transaction to resolve a
// serialization failure or a deadlock, so that it may be run again.
func Retryable(err error) bool {
	state := SQLState(err)
	return state == "40001" || state == "40P01"
}

// UndefinedTable reports whether a statement named a table that PostgreSQL does not have.
func UndefinedTable(err error) bool { return SQLState(err) == "42P01" }

// postgresMeaning follows PostgreSQL's appendix A, "Error Codes".
func postgresMeaning(state string) *fault.Error {
	switch state {
	case "23505":
		return ErrConflict
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
	if loginRefused(state) {
		return fault.ErrUnavailable
	}
	return nil
}

// LoginRefused reports whether the database server rejected the login: a wrong
// password, or a role or database that does not exist. A retry does not help.
func LoginRefused(err error) bool { return loginRefused(SQLState(err)) }

// HandshakeRefused reports whether the client or the server rejected the certificate of the
// other. A retry does not help.
func HandshakeRefused(err error) bool { return handshake.Refusal(err, names()) != nil }

func loginRefused(state string) bool { return strings.HasPrefix(state, "28") || state == "3D000" }

// sqliteMeaning follows SQLite's "Result and Error Codes". Extended codes hold
// the primary one in their lowest byte.
func sqliteMeaning(code int) *fault.Error {
	switch code {
	case sqlitelib.SQLITE_CONSTRAINT_UNIQUE, sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY:
		return ErrConflict
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

// Reason returns why a write failed, in the database's terms and without any value.
func Reason(err error) string {
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return lite.Error()
	}
	if state := SQLState(err); state != "" {
		return "SQLSTATE " + state
	}
	if known, ok := errors.AsType[*fault.Error](err); ok && known.Unwrap() != nil {
		return known.Unwrap().Error()
	}
	return "see the log"
}
