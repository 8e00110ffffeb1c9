package bunstore

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"
)

// PostgreSQL sends the rows of a statement before it commits it. The library bun
// takes the first row of a query that is scanned into a scalar and drops the error that
// follows, so that a failed commit looks like a success. Every statement that returns
// rows and is not a plain SELECT is therefore run by the functions of this file, which
// read the answer to its end. A test in test/architecture enforces it.

// scanner is a query of bun that returns rows.
type scanner interface {
	Scan(ctx context.Context, dest ...any) error
}

// FinalRaw runs a statement that returns at most one number, and returns it after the
// server has reported the statement complete. Without a row it is sql.ErrNoRows.
func FinalRaw(ctx context.Context, db bun.IDB, statement string, args ...any) (int64, error) {
	return finalNumber(ctx, db.NewRaw(statement, args...))
}

// finalNumber scans into a slice, for which bun reads to the end and checks the error
// there.
func finalNumber(ctx context.Context, q scanner) (int64, error) {
	var numbers []int64
	if err := q.Scan(ctx, &numbers); err != nil {
		return 0, err
	}
	if len(numbers) == 0 {
		return 0, sql.ErrNoRows
	}
	return numbers[0], nil
}

// execRaw runs a statement that returns no rows.
func execRaw(ctx context.Context, db bun.IDB, statement string, args ...any) error {
	_, err := db.NewRaw(statement, args...).Exec(ctx)
	return err
}

// FinalExec runs a statement that returns no rows, and returns how many it has changed.
func FinalExec(ctx context.Context, db bun.IDB, statement string, args ...any) (int64, error) {
	done, err := db.NewRaw(statement, args...).Exec(ctx)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// ScanSelect scans the first rows of a SELECT, at most limit, which is at least 1.
// Queries that are not one chain from NewSelect on are scanned by it: its type admits a
// SELECT alone.
func ScanSelect(ctx context.Context, q *bun.SelectQuery, limit int, dest ...any) error {
	return q.Limit(max(limit, 1)).Scan(ctx, dest...) // bun omits a LIMIT of 0
}

// selectRows returns the rows of a SELECT one by one; the caller closes them.
func selectRows(ctx context.Context, q *bun.SelectQuery) (*sql.Rows, error) { return q.Rows(ctx) }

// scanCurrent scans the columns of the current row of selectRows.
func scanCurrent(rows *sql.Rows, dest ...any) error { return rows.Scan(dest...) }

// FinalBool runs a statement of a session that returns one truth value. The Scan of
// database/sql closes the rows, which reads them to the end, and returns that error.
func FinalBool(ctx context.Context, session *sql.Conn, statement string, args ...any) (answer bool, err error) {
	err = session.QueryRowContext(ctx, statement, args...).Scan(&answer)
	return answer, err
}
