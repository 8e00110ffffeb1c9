package bunstore

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Listing describes a list that is read in pages: first the ids, sizes and positions of a
// page's rows, as of one moment, and then the rows in parts.
type Listing[R Row[T], T any] struct {
	Store *Store
	// Query returns a new query over the rows that match, without columns and order.
	Query func() *bun.SelectQuery
	// Columns are the columns to read; none means all.
	Columns []string
	// OrderedBy are the columns that order the list, and make the position of a row.
	OrderedBy []string
	// Descending orders from the greatest to the least.
	Descending bool
	// Size is the expression for the bytes of a row.
	Size string
	// Doing says in errors what is done.
	Doing string
}

// plannedRow is a row of a page before it is read.
type plannedRow struct {
	ID       int64
	Bytes    int
	Total    int
	Position string
}

// positionSeparator separates the values of a position in SQL. No value contains it.
const positionSeparator = "\x1f"

// Page returns the first part of a page, with the number of all rows that match.
func (l Listing[R, T]) Page(ctx context.Context, w scope.Window) (versioned.Page[T], error) {
	var plan []plannedRow
	model := (*R)(nil)
	q := l.Query().Model(model).Column("id").ColumnExpr("? AS bytes", bun.Safe(l.Size)).
		ColumnExpr("? AS position", l.position()).
		ColumnExpr("(?) AS total", l.Query().Model(model).ColumnExpr("count(*)"))
	if err := ScanSelect(ctx, l.after(l.ordered(q), w.After).Offset(w.Offset), w.Limit+1, &plan); err != nil {
		return versioned.Page[T]{}, dberror.Translate(err, l.Doing, nil)
	}
	if len(plan) == 0 {
		total, err := l.Query().Model(model).Count(ctx)
		return versioned.Page[T]{Total: total}, dberror.Translate(err, l.Doing, nil)
	}
	wanted := plan[:min(len(plan), w.Limit)]
	return l.part(ctx, wanted, versioned.Page[T]{Total: plan[0].Total, More: len(plan) > len(wanted)})
}

// position returns the expression for the position of a row.
func (l Listing[R, T]) position() bun.Safe {
	texts := make([]string, len(l.OrderedBy))
	for i, name := range l.OrderedBy {
		texts[i] = "CAST(" + name + " AS TEXT)"
	}
	return bun.Safe(strings.Join(texts, " || '"+positionSeparator+"' || "))
}

func (l Listing[R, T]) ordered(q *bun.SelectQuery) *bun.SelectQuery {
	for _, name := range l.OrderedBy {
		if l.Descending {
			name += " DESC"
		}
		q = q.Order(name)
	}
	return q
}

// after narrows a query to the rows behind a position.
func (l Listing[R, T]) after(q *bun.SelectQuery, p scope.Position) *bun.SelectQuery {
	if len(p) == 0 {
		return q
	}
	comparison := ">"
	if l.Descending {
		comparison = "<"
	}
	return q.Where("(?) ? (?)", bun.Safe(strings.Join(l.OrderedBy, ", ")), bun.Safe(comparison), bun.List([]string(p)))
}

// part reads the first rows of a plan, up to scope.PartBytes, into a part of a page.
func (l Listing[R, T]) part(ctx context.Context, plan []plannedRow, p versioned.Page[T]) (versioned.Page[T], error) {
	p.Bytes = plan[0].Bytes
	n := 1
	for n < len(plan) && p.Bytes+plan[n].Bytes <= scope.PartBytes {
		p.Bytes += plan[n].Bytes
		n++
	}
	ids, positions := make([]int64, n), make(map[RowKey]scope.Position, n)
	table := (*new(R)).RowKey().Table
	for i, r := range plan[:n] {
		ids[i] = r.ID
		positions[KeyOf(table, r.ID)] = strings.Split(r.Position, positionSeparator)
	}
	q := l.ordered(l.Query().Model((*R)(nil)).Column(l.Columns...).Where("id IN (?)", bun.List(ids)))
	rows, broken, err := scanned[R](ctx, l.Store, q, n)
	if err != nil {
		return versioned.Page[T]{}, dberror.Translate(err, l.Doing, nil)
	}
	p.Items, p.Positions = make([]T, len(rows)), make([]scope.Position, len(rows))
	for i, r := range rows {
		p.Items[i], p.Positions[i] = rehydrated(l.Store, r, broken[i]), positions[r.RowKey()]
	}
	if rest := plan[n:]; len(rest) > 0 {
		following := versioned.Page[T]{Total: p.Total, More: p.More}
		p.Next = func(ctx context.Context) (versioned.Page[T], error) { return l.part(ctx, rest, following) }
	}
	return p, nil
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
