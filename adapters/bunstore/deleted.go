package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/scope"
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

// drawID draws an id for the identity of a row, or is scope.ErrAlreadyExists where another
// row has it.
func (t *Table[R]) drawID(ctx context.Context, tx bun.Tx, row R) (int64, error) {
	args := t.draw.appendArgs(nil, row)
	id, err := FinalRaw(ctx, tx, t.draw.text, args...)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	released, err := t.releaseIdentity(ctx, tx, args)
	if err != nil {
		return 0, err
	}
	if !released {
		return 0, scope.ErrAlreadyExists
	}
	return FinalRaw(ctx, tx, t.draw.text, args...)
}

// releaseIdentity lets an id follow its row, if that was changed to another identity by
// hand or by damage, and reports whether it was.
func (t *Table[R]) releaseIdentity(ctx context.Context, tx bun.Tx, identity []any) (bool, error) {
	columns := strings.Join(t.identity, ", ")
	given := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(identity)), ", ") + ")"
	for _, deleted := range []bool{false, true} {
		row := " FROM " + t.In(deleted) + " AS r WHERE r.id = " + t.ids + ".id"
		result, err := tx.NewUpdate().Table(t.ids).Set("("+columns+") = (SELECT "+columns+row+")").
			Where("("+columns+") = "+given, identity...).
			Where("EXISTS (SELECT 1"+row+" AND (r."+strings.Join(t.identity, ", r.")+") <> "+given+")", identity...).
			Exec(ctx)
		if err != nil {
			return false, err
		}
		if n, err := result.RowsAffected(); n > 0 || err != nil {
			return true, err
		}
	}
	return false, nil
}
