package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"reflect"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Row is a table's row of a T.
type Row[T any] interface {
	// Rehydrate checks the domain's rules again. For a row that breaks one, and for one
	// that could not be scanned for the given reason, it returns the error of CheckRow
	// with all of the T that is known.
	Rehydrate(unread error) (T, error)
	// RowKey identifies the row.
	RowKey() RowKey
}

// FindOne returns the T of a query's first row, or absent without a row.
func FindOne[R Row[T], T any](
	ctx context.Context, s *Store, q *bun.SelectQuery, doing string, absent error,
) (T, error) {
	list, err := FindAll[R](ctx, s, q, 1, doing)
	if err == nil && len(list) == 0 {
		err = absent
	}
	if err != nil {
		var none T
		return none, err
	}
	return list[0], nil
}

// FindAll returns the Ts of a query's first rows, at most limit, damaged ones too.
func FindAll[R Row[T], T any](
	ctx context.Context, s *Store, q *bun.SelectQuery, limit int, doing string,
) ([]T, error) {
	rows, broken, err := scanned[R](ctx, s, q, limit)
	if err != nil {
		return nil, dberror.Translate(err, doing, nil)
	}
	list := make([]T, len(rows))
	for i, r := range rows {
		list[i] = rehydrated(s, r, broken[i])
	}
	return list, nil
}

// lastVersion returns the greatest version of a history, at least 1. It replaces a
// version that cannot be read.
func (s *Store) lastVersion(ctx context.Context, history *bun.SelectQuery) (scope.Version, error) {
	var last int64
	err := ScanSelect(ctx, history.ColumnExpr("COALESCE(max(CAST(version AS bigint)), 1)"), 1, &last)
	return scope.Version(max(last, 1)), dberror.Translate(err, "load the last version", nil)
}

// scanned returns a query's first rows, and by index the errors of those with a column
// that could not be scanned.
func scanned[R any](
	ctx context.Context, s *Store, q *bun.SelectQuery, limit int,
) (rows []R, broken map[int]error, err error) {
	if err = ScanSelect(ctx, q.Model(&rows), limit); err != nil && causedByContent(ctx, err) {
		return oneByOne[R](ctx, s, q)
	}
	return rows, nil, err
}

// rehydrated returns the T of a row, and notes a damaged one.
func rehydrated[R Row[T], T any](s *Store, r R, unread error) T {
	v, err := r.Rehydrate(unread)
	found, damaged := errors.AsType[*damagedRowError](err)
	if damaged && !found.settled {
		s.damage.note(found.key, found.why)
	} else if s.DamagedRows() > 0 {
		s.Settle(r.RowKey())
	}
	return v
}

// causedByContent reports whether an error may come from a row's content: the
// database has answered, and the caller is still waiting.
func causedByContent(ctx context.Context, err error) bool {
	return ctx.Err() == nil && dberror.Meaning(err) == nil && dberror.SQLState(err) == "" &&
		!errors.Is(err, sql.ErrNoRows)
}

// oneByOne reads rows one at a time, and returns by index the errors of those with a
// column that could not be scanned; their other columns are set.
func oneByOne[R any](ctx context.Context, s *Store, q *bun.SelectQuery) (list []R, broken map[int]error, err error) {
	rows, err := selectRows(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	broken = map[int]error{}
	for rows.Next() {
		var r R
		if s.read.ScanRow(ctx, rows, &r) != nil {
			broken[len(list)] = errUnread
			if r, err = columnByColumn[R](s, rows); err != nil {
				return nil, nil, err
			}
		}
		list = append(list, r)
	}
	return list, broken, rows.Err()
}

// columnByColumn scans the current row again. A column that cannot be scanned stays
// zero.
func columnByColumn[R any](s *Store, rows *sql.Rows) (R, error) {
	var r R
	names, err := rows.Columns()
	if err != nil {
		return r, err
	}
	values, pointers := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		pointers[i] = &values[i]
	}
	if err := scanCurrent(rows, pointers...); err != nil {
		return r, err
	}
	target := reflect.ValueOf(&r).Elem()
	table := s.read.Table(target.Type())
	for i, name := range names {
		field := table.LookupField(name)
		if field != nil && field.ScanValue(target, values[i]) != nil {
			field.Value(target).SetZero()
		}
	}
	return r, nil
}
