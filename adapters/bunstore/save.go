package bunstore

import (
	"context"
	"errors"
	"slices"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Aggregate is what a Writer stores.
type Aggregate interface{ PendingEvents() []event.Event }

// Writer stores the aggregates of one module.
type Writer[A Aggregate] interface {
	// Changed reports whether there is anything to write.
	Changed(a A) bool
	// InTransaction writes one aggregate with its events and returns its id.
	InTransaction(ctx context.Context, tx bun.Tx, a A, events Events) (id int64, err error)
	// Saved marks an aggregate as saved.
	Saved(a A, id int64, events Events)
}

// statementWriter is a Writer that can write one aggregate in one statement on
// PostgreSQL.
type statementWriter[A Aggregate] interface {
	// inOneStatement returns the aggregate's id; done is false, and nothing is written,
	// where that takes more than one statement.
	inOneStatement(ctx context.Context, a A, events Events) (id int64, done bool, err error)
}

// Save writes the unsaved changes of all the given aggregates, all or none.
func Save[A Aggregate](ctx context.Context, s *Store, w Writer[A], given []A) error {
	changed := slices.DeleteFunc(slices.Clone(given), func(a A) bool { return !w.Changed(a) })
	if len(changed) == 0 {
		return nil
	}
	events := make([]Events, len(changed))
	for i, a := range changed {
		var err error
		if events[i], err = outboxRows(a.PendingEvents(), s.options.IDs); err != nil {
			return err
		}
	}
	ids, err := writeAll(ctx, s, w, changed, events)
	// A commit whose reply was lost may have happened, too.
	if s.options.Committed != nil {
		s.options.Committed()
	}
	if err != nil {
		s.lastWrite.failed(ctx, err)
		return dberror.Translate(err, "save", scope.ErrAlreadyExists)
	}
	s.lastWrite.succeeded()
	for i, a := range changed {
		w.Saved(a, ids[i], events[i])
	}
	return nil
}

func writeAll[A Aggregate](ctx context.Context, s *Store, w Writer[A], changed []A, events []Events) ([]int64, error) {
	if single, ok := w.(statementWriter[A]); ok && s.dialect == Postgres && len(changed) == 1 {
		if id, done, err := single.inOneStatement(ctx, changed[0], events[0]); done || err != nil {
			return []int64{id}, err
		}
	}
	ids := make([]int64, len(changed))
	err := s.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		for i, a := range changed {
			id, err := w.InTransaction(ctx, tx, a, events[i])
			if err != nil {
				return err
			}
			ids[i] = id
		}
		return nil
	})
	return ids, err
}

// InsertState writes the first row of an aggregate and returns its id, or
// scope.ErrAlreadyExists where its identity exists, also as a deleted one.
func InsertState[R any](
	ctx context.Context, tx bun.Tx, t *Table[R], row *R, deleted bool,
) (id int64, err error) {
	if id, err = t.drawID(ctx, tx, *row); err != nil {
		return 0, err
	}
	t.set(row, "id", id)
	_, err = tx.NewInsert().Model(row).ModelTableExpr(t.aliased(deleted)).Exec(ctx)
	return id, err
}

// UpdateState updates the row of an aggregate, among the deleted ones too, and moves it to
// where it belongs afterwards. Update returns the update without its table and id, and
// narrowed to what was read before; scope.ErrStale if it matches no row.
func UpdateState[R any](
	ctx context.Context, tx bun.Tx, t *Table[R], id int64, deleted bool, update func() *bun.UpdateQuery,
) error {
	for _, was := range []bool{false, true} {
		result, err := update().ModelTableExpr(t.aliased(was)).Where("id = ?", id).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if n > 0 && was != deleted {
			return t.Move(ctx, tx, deleted, "id = ?", id)
		}
		if n > 0 {
			return nil
		}
	}
	return scope.ErrStale
}

// WhereCount narrows an update to a row whose column is the base, or is no integer of
// at least 1: SQLite does not hold a column to its type.
func WhereCount(update *bun.UpdateQuery, column string, base int64) *bun.UpdateQuery {
	c := bun.Ident(column)
	return update.Where("(? = ? OR ? < 1 OR CAST(? AS bigint) <> ?)", c, base, c, c, c)
}

// UpdateOrStale runs an update, and is scope.ErrStale if it matches no row.
func UpdateOrStale(ctx context.Context, update *bun.UpdateQuery) error {
	result, err := update.Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, scope.ErrStale)
	}
	return nil
}
