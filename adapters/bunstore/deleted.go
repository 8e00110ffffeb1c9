package bunstore

import (
	"context"

	"github.com/uptrace/bun"
)

// In returns the name of the table with the deleted rows, or with the others.
func (t *Table[R]) In(deleted bool) string {
	if deleted {
		return deletedPrefix + t.name
	}
	return t.name
}

// aliased is In with the alias that bun uses for columns.
func (t *Table[R]) aliased(deleted bool) string { return t.In(deleted) + " AS " + t.alias }

// From makes a query read the deleted rows, or the others.
func (t *Table[R]) From(q *bun.SelectQuery, deleted bool) *bun.SelectQuery {
	return q.ModelTableExpr(t.aliased(deleted))
}

// WithDeleted makes a query read the deleted rows and the others, as of one moment.
func (t *Table[R]) WithDeleted(q *bun.SelectQuery) *bun.SelectQuery {
	all := names(t.fields)
	return q.ModelTableExpr("(SELECT " + all + " FROM " + t.In(false) +
		" UNION ALL SELECT " + all + " FROM " + t.In(true) + ") AS " + t.alias)
}

// Move moves rows to the table of the deleted ones, or back.
func (t *Table[R]) Move(ctx context.Context, tx bun.Tx, deleted bool, where string, args ...any) error {
	all, from := names(t.fields), t.In(!deleted)
	insert := "INSERT INTO " + t.In(deleted) + " (" + all + ") SELECT " + all + " FROM " + from + " WHERE " + where
	if err := execRaw(ctx, tx, insert, args...); err != nil {
		return err
	}
	return execRaw(ctx, tx, "DELETE FROM "+from+" WHERE "+where, args...)
}
