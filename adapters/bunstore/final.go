package bunstore

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"
)

// PostgreSQL sends the rows of a statement before it commits it. The library bun takes
// the first row of a query that is scanned into a scalar and drops the error that
// follows, so that a failed commit looks like a success. Every statement that returns
// rows and is not a plain SELECT is therefore run by the functions of this file, which
// read the answer to its end. A test in test/architecture holds that.

// scanner is a query of bun that returns rows.
type scanner interface {
	Scan(ctx context.Context, dest ...any) error
}

// finalRaw runs a statement that returns at most one number, and returns it once the
// server has said that the statement is complete. Without a row it is sql.ErrNoRows.
func finalRaw(ctx context.Context, db bun.IDB, statement string, args ...any) (int64, error) {
	return finalNumber(ctx, db.NewRaw(statement, args...))
}

// finalInsert runs an INSERT of one row and returns the row's id, as finalRaw does.
func finalInsert(ctx context.Context, insert *bun.InsertQuery) (int64, error) {
	return finalNumber(ctx, insert.Returning("id"))
}

// finalNumber scans into a slice, for which bun reads to the end and looks at the
// error there.
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

// scanSelect scans the rows of a SELECT, as its Scan does. Queries that are not one
// chain from NewSelect on are scanned by it: its type admits a SELECT alone.
func scanSelect(ctx context.Context, q *bun.SelectQuery, dest ...any) error {
	return q.Scan(ctx, dest...)
}

// selectRows returns the rows of a SELECT one by one; the caller closes them.
func selectRows(ctx context.Context, q *bun.SelectQuery) (*sql.Rows, error) { return q.Rows(ctx) }

// scanPresent scans the columns of the present row of selectRows.
func scanPresent(rows *sql.Rows, dest ...any) error { return rows.Scan(dest...) }

// finalBool runs a statement of a session that returns one truth value. The Scan of
// database/sql closes the rows, which reads them to the end, and returns that error.
func finalBool(ctx context.Context, session *sql.Conn, statement string, args ...any) (answer bool, err error) {
	err = session.QueryRowContext(ctx, statement, args...).Scan(&answer)
	return answer, err
}
