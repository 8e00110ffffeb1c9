package bunstore

import (
	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// AreaColumns are the columns of what areas contain. Rows have no service where its column
// is empty.
type AreaColumns struct {
	Service, Name string
	// In narrows a query to rows in some environments.
	In func(q *bun.SelectQuery, environments []string) *bun.SelectQuery
}

// InColumn narrows a query to the rows whose column is one of some values.
func InColumn(column string) func(*bun.SelectQuery, []string) *bun.SelectQuery {
	return func(q *bun.SelectQuery, values []string) *bun.SelectQuery {
		return q.Where("? IN (?)", bun.Ident(column), bun.List(values))
	}
}

// WhereWithin narrows a query to what one of the areas contains; nil is for everything.
func WhereWithin(q *bun.SelectQuery, c AreaColumns, areas []scope.Area) *bun.SelectQuery {
	if areas == nil {
		return q
	}
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		for _, area := range areas {
			q = q.WhereGroup(" OR ", func(q *bun.SelectQuery) *bun.SelectQuery { return c.within(q, area) })
		}
		return q
	})
}

func (c AreaColumns) within(q *bun.SelectQuery, area scope.Area) *bun.SelectQuery {
	if len(area.Environments) > 0 {
		q = c.In(q, textsOf(area.Environments))
	}
	switch {
	case len(area.Services) == 0:
	case c.Service == "":
		q = q.Where("1 = 0")
	default:
		q = InColumn(c.Service)(q, textsOf(area.Services))
	}
	if len(area.Prefixes) == 0 {
		return q
	}
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		for _, prefix := range area.Prefixes {
			q = q.WhereGroup(" OR ", func(q *bun.SelectQuery) *bun.SelectQuery {
				return WherePrefix(q, c.Name, prefix)
			})
		}
		return q
	})
}

func textsOf[T interface{ String() string }](list []T) []string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = one.String()
	}
	return texts
}
