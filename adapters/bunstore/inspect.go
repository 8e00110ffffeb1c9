package bunstore

import (
	"context"

	"github.com/uptrace/bun"
)

// Inspect looks through what stands for rows that cannot be read, so that they are
// known before anybody asks for them, and lets go of those that were mended. Rows of
// what is deleted, removed or revoked, and histories, are left out.
func (s *Store) Inspect(ctx context.Context) error {
	for _, table := range []func(context.Context) error{
		s.inspectConfigurations, s.inspectFlags, s.inspectServices, s.inspectInstances, s.inspectKeys,
	} {
		if err := table(ctx); err != nil {
			return err
		}
	}
	return nil
}

// inspectPage bounds the rows that are in memory.
const inspectPage = 200

// inspect reads a table page by page; after narrows a query to what follows a row.
func inspect[R row[T], T any](
	ctx context.Context, s *Store, table string, query func() *bun.SelectQuery, after func(*bun.SelectQuery, R),
) error {
	end := s.damage.begin(table)
	q := query()
	for {
		rows, broken, err := scanned[R](ctx, s, q.Limit(inspectPage))
		if err != nil {
			return translate(err, "inspect "+table, nil)
		}
		for i, r := range rows {
			rehydrated(s, r, broken[i])
		}
		if len(rows) < inspectPage {
			break
		}
		q = query()
		after(q, rows[len(rows)-1])
	}
	end()
	return nil
}

// inspectConfigurations leaves the values out: they have no rule that a read could
// break but to be text, and are long.
func (s *Store) inspectConfigurations(ctx context.Context) error {
	return inspect(ctx, s, "configurations", func() *bun.SelectQuery {
		return s.read.NewSelect().Model((*configurationRow)(nil)).ExcludeColumn("value").
			Where("is_deleted = ?", false).Order("id")
	}, func(q *bun.SelectQuery, last configurationRow) { q.Where("id > ?", last.ID) })
}

func (s *Store) inspectFlags(ctx context.Context) error {
	return inspect(ctx, s, "feature_flags", func() *bun.SelectQuery {
		return s.Flags().query().Where("is_deleted = ?", false).Order("id")
	}, func(q *bun.SelectQuery, last flagRow) { q.Where("id > ?", last.ID) })
}

func (s *Store) inspectServices(ctx context.Context) error {
	return inspect(ctx, s, "service_registry", func() *bun.SelectQuery {
		return s.read.NewSelect().Where("is_deleted = ?", false).Order("id")
	}, func(q *bun.SelectQuery, last serviceRow) { q.Where("id > ?", last.ID) })
}

func (s *Store) inspectInstances(ctx context.Context) error {
	return inspect(ctx, s, "service_instances", func() *bun.SelectQuery {
		return s.read.NewSelect().Where("is_removed = ?", false).Order("service_id", "instance_id", "environment")
	}, func(q *bun.SelectQuery, last instanceRow) {
		q.Where("(service_id, instance_id, environment) > (?, ?, ?)", last.ServiceID, last.InstanceID, last.Environment)
	})
}

func (s *Store) inspectKeys(ctx context.Context) error {
	return inspect(ctx, s, "api_keys", func() *bun.SelectQuery {
		return s.read.NewSelect().Where("revoked_at IS NULL").Order("id")
	}, func(q *bun.SelectQuery, last keyRow) { q.Where("id > ?", last.ID) })
}
