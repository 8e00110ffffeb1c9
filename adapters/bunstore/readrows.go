package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"reflect"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// row is what a table holds of a T.
type row[T any] interface {
	// rehydrate checks again what the domain promises of a row. One that breaks a rule,
	// or that could not be taken over for the given reason, is a *damagedRowError, with all of
	// the T that can be known.
	rehydrate(unread error) (T, error)
	// at is where the row is.
	at() place
}

// one returns what the first row of a query holds, or absent without a row.
func one[R row[T], T any](ctx context.Context, s *Store, q *bun.SelectQuery, doing string, absent error) (T, error) {
	list, err := all[R](ctx, s, q.Limit(1), doing)
	if err != nil || len(list) == 0 {
		var none T
		return none, errors.Join(err, absentUnless(err, absent))
	}
	return list[0], nil
}

// absentUnless returns absent where there is no other error.
func absentUnless(err, absent error) error {
	if err != nil {
		return nil //nolint:nilerr // the caller has err
	}
	return absent
}

// all returns what a query's rows hold, damaged ones too.
func all[R row[T], T any](ctx context.Context, s *Store, q *bun.SelectQuery, doing string) ([]T, error) {
	rows, broken, err := scanned[R](ctx, s, q)
	if err != nil {
		return nil, translate(err, doing, nil)
	}
	list := make([]T, len(rows))
	for i, r := range rows {
		list[i] = rehydrated(s, r, broken[i])
	}
	return list, nil
}

// lastVersion returns the greatest version of a history, at least 1: the version of a
// row in which that cannot be read.
func (s *Store) lastVersion(ctx context.Context, history *bun.SelectQuery) (scope.Version, error) {
	var last int64
	err := scanSelect(ctx, history.ColumnExpr("COALESCE(max(CAST(version AS bigint)), 1)"), &last)
	return scope.Version(max(last, 1)), translate(err, "look for the last version", nil)
}

// scanned returns a query's rows, and which of them could not be taken over.
func scanned[R any](ctx context.Context, s *Store, q *bun.SelectQuery) (rows []R, broken map[int]error, err error) {
	if err = scanSelect(ctx, q.Model(&rows)); err != nil && ofContent(ctx, err) {
		return oneByOne[R](ctx, s, q)
	}
	return rows, nil, err
}

// rehydrated returns what a row holds. A damaged one is noted.
func rehydrated[R row[T], T any](s *Store, r R, unread error) T {
	v, err := r.rehydrate(unread)
	found, damaged := errors.AsType[*damagedRowError](err)
	if damaged && !found.gone {
		s.damage.note(found.at, found.why)
	} else if s.DamagedRows() > 0 {
		s.damage.forget(func(at place) bool { return at == r.at() })
	}
	return v
}

// ofContent reports whether an error may come from what a row holds: the database
// has answered, and the caller still waits.
func ofContent(ctx context.Context, err error) bool {
	return ctx.Err() == nil && meaning(err) == nil && sqlState(err) == "" && !errors.Is(err, sql.ErrNoRows)
}

// oneByOne reads rows one at a time, and returns which of them could not be taken
// over; of those, the columns that can be read are there.
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

// columnByColumn reads the present row again. A column that cannot be taken over is
// left zero.
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
	if err := scanPresent(rows, pointers...); err != nil {
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
