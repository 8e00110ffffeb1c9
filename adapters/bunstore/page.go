package bunstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// listing says how a page of rows is read: first the ids and sizes of all its rows, as
// of one moment, and then the rows in parts.
type listing[R row[T], T any] struct {
	store *Store
	// query returns a new query over the rows that match, without columns and order.
	query func() *bun.SelectQuery
	// columns are those that are read; none means all.
	columns []string
	order   []string
	// size is the expression for the bytes of a row.
	size  string
	doing string
}

// part is a part of a page. Next is nil at its end.
type part[T any] struct {
	items []T
	bytes int
	next  func(context.Context) (part[T], error)
}

// sizedRow is a row of which only its size is known.
type sizedRow struct {
	ID    int64
	Bytes int
	Total int
}

// page returns the first part of a page, and the number of all rows that match.
func (l listing[R, T]) page(ctx context.Context, limit, offset int) (part[T], int, error) {
	var plan []sizedRow
	model := (*R)(nil)
	err := scanSelect(ctx, l.query().Model(model).Column("id").ColumnExpr("? AS bytes", bun.Safe(l.size)).
		ColumnExpr("(?) AS total", l.query().Model(model).ColumnExpr("count(*)")).
		Order(l.order...).Limit(limit).Offset(offset), &plan)
	if err != nil {
		return part[T]{}, 0, translate(err, l.doing, nil)
	}
	if len(plan) == 0 {
		total, err := l.query().Model(model).Count(ctx)
		return part[T]{}, total, translate(err, l.doing, nil)
	}
	first, err := l.part(ctx, plan)
	return first, plan[0].Total, err
}

// part reads the first rows of a plan that make a part.
func (l listing[R, T]) part(ctx context.Context, plan []sizedRow) (part[T], error) {
	p := part[T]{bytes: plan[0].Bytes}
	n := 1
	for n < len(plan) && p.bytes+plan[n].Bytes <= scope.PartBytes {
		p.bytes += plan[n].Bytes
		n++
	}
	ids := make([]int64, n)
	for i, r := range plan[:n] {
		ids[i] = r.ID
	}
	q := l.query().Model((*R)(nil)).Column(l.columns...).Where("id IN (?)", bun.List(ids)).Order(l.order...)
	var err error
	if p.items, err = all[R](ctx, l.store, q, l.doing); err != nil {
		return part[T]{}, err
	}
	if rest := plan[n:]; len(rest) > 0 {
		p.next = func(ctx context.Context) (part[T], error) { return l.part(ctx, rest) }
	}
	return p, nil
}

// textBytes is the expression for the length of a column that holds text. A text that
// is stored apart is not read for it.
func textBytes(column string) string { return "COALESCE(octet_length(" + column + "), 0)" }

// jsonBytes is the same for a column of a table that holds JSON. PostgreSQL has to make
// the text for it: in a subquery, which it leaves until it knows the rows of the page.
func (d dialect) jsonBytes(table, alias, column string) string {
	if d != postgres {
		return textBytes(column)
	}
	return "(SELECT " + textBytes("sized."+column+"::text") +
		" FROM " + table + " AS sized WHERE sized.id = " + alias + ".id)"
}

// following returns what reads the rest of a page, in the words of a module; nil at
// its end.
func following[T, P any](
	p part[T], words func(part[T]) P,
) func(context.Context) (P, error) {
	if p.next == nil {
		return nil
	}
	return func(ctx context.Context) (P, error) {
		next, err := p.next(ctx)
		if err != nil {
			var none P
			return none, err
		}
		return words(next), nil
	}
}
