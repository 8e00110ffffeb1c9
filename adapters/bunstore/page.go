package bunstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Listing describes a list that is read in pages: first the ids and sizes of a page's
// rows, as of one moment, and then the rows in parts.
type Listing[R Row[T], T any] struct {
	Store *Store
	// Query returns a new query over the rows that match, without columns and order.
	Query func() *bun.SelectQuery
	// Columns are the columns to read; none means all.
	Columns []string
	Order   []string
	// Size is the expression for the bytes of a row.
	Size string
	// Doing says in errors what is done.
	Doing string
}

// Part is a part of a page.
type Part[T any] struct {
	Items []T
	Bytes int
	next  func(context.Context) (Part[T], error)
}

// sizedRow is the id and the size of a row.
type sizedRow struct {
	ID    int64
	Bytes int
	Total int
}

// Page returns the first part of a page, and the number of all rows that match.
func (l Listing[R, T]) Page(ctx context.Context, limit, offset int) (Part[T], int, error) {
	var plan []sizedRow
	model := (*R)(nil)
	err := ScanSelect(ctx, l.Query().Model(model).Column("id").ColumnExpr("? AS bytes", bun.Safe(l.Size)).
		ColumnExpr("(?) AS total", l.Query().Model(model).ColumnExpr("count(*)")).
		Order(l.Order...).Offset(offset), limit, &plan)
	if err != nil {
		return Part[T]{}, 0, dberror.Translate(err, l.Doing, nil)
	}
	if len(plan) == 0 {
		total, err := l.Query().Model(model).Count(ctx)
		return Part[T]{}, total, dberror.Translate(err, l.Doing, nil)
	}
	first, err := l.part(ctx, plan)
	return first, plan[0].Total, err
}

// part reads the first rows of a plan, up to scope.PartBytes.
func (l Listing[R, T]) part(ctx context.Context, plan []sizedRow) (Part[T], error) {
	p := Part[T]{Bytes: plan[0].Bytes}
	n := 1
	for n < len(plan) && p.Bytes+plan[n].Bytes <= scope.PartBytes {
		p.Bytes += plan[n].Bytes
		n++
	}
	ids := make([]int64, n)
	for i, r := range plan[:n] {
		ids[i] = r.ID
	}
	q := l.Query().Model((*R)(nil)).Column(l.Columns...).Where("id IN (?)", bun.List(ids)).Order(l.Order...)
	var err error
	if p.Items, err = FindAll[R](ctx, l.Store, q, n, l.Doing); err != nil {
		return Part[T]{}, err
	}
	if rest := plan[n:]; len(rest) > 0 {
		p.next = func(ctx context.Context) (Part[T], error) { return l.part(ctx, rest) }
	}
	return p, nil
}

// NextPart returns what reads the next part of a page, as the page type of a module;
// nil at the end.
func NextPart[T, P any](p Part[T], convert func(Part[T]) P) func(context.Context) (P, error) {
	if p.next == nil {
		return nil
	}
	return func(ctx context.Context) (P, error) {
		next, err := p.next(ctx)
		if err != nil {
			var none P
			return none, err
		}
		return convert(next), nil
	}
}

// TextBytes is the expression for the length of a text column. PostgreSQL does not
// read a text that is stored out of line for it.
func TextBytes(column string) string { return "COALESCE(octet_length(" + column + "), 0)" }

// JSONBytes is the same for a JSON column of a table. PostgreSQL has to make the text
// for it: in a subquery, which it runs for the rows of the page alone.
func (s *Store) JSONBytes(table, alias, column string) string {
	if s.dialect != Postgres {
		return TextBytes(column)
	}
	return "(SELECT " + TextBytes("sized."+column+"::text") +
		" FROM " + table + " AS sized WHERE sized.id = " + alias + ".id)"
}

// WherePrefix narrows a query to the rows whose column begins with a prefix, bytewise.
func WherePrefix(q *bun.SelectQuery, column, prefix string) *bun.SelectQuery {
	return q.Where("? >= ?", bun.Ident(column), prefix).Where("? < ?", bun.Ident(column), successor(prefix))
}

// successor returns the least text that is greater than all that begin with the
// prefix. Keys and names are ASCII, so the last byte can always be raised.
func successor(prefix string) string {
	last := len(prefix) - 1
	return prefix[:last] + string(prefix[last]+1)
}
