package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/configuration"
)

// Configurations stores configurations and reads their history.
type Configurations struct{ store *Store }

var (
	_ configuration.Repository = (*Configurations)(nil)
	_ configuration.History    = (*Configurations)(nil)
)

// Find returns the configuration of that id, also a deleted one, or
// configuration.ErrNotFound.
func (r *Configurations) Find(ctx context.Context, id configuration.ID) (*configuration.Configuration, error) {
	return r.one(ctx, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("id = ?", int64(id)) })
}

// FindByIdentity returns the configuration of that identity, also a deleted one,
// or configuration.ErrNotFound.
func (r *Configurations) FindByIdentity(
	ctx context.Context, identity configuration.Identity,
) (*configuration.Configuration, error) {
	return r.one(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("key = ?", identity.Key.String()).
			Where("environment = ?", identity.Environment.String()).
			Where("service_name = ?", identity.Service.String())
	})
}

func (r *Configurations) one(
	ctx context.Context, where func(*bun.SelectQuery) *bun.SelectQuery,
) (*configuration.Configuration, error) {
	var row configurationRow
	err := where(r.store.read.NewSelect().Model(&row)).Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, configuration.ErrNotFound
	}
	if err != nil {
		return nil, translate(err, "load a configuration", nil)
	}
	return row.rehydrate()
}

// List returns a page of what matches, and the number of all that does.
func (r *Configurations) List(ctx context.Context, query configuration.Query) (configuration.Page, error) {
	var rows []configurationRow
	err := narrow(r.store.read.NewSelect().Model(&rows), query).
		Order("environment", "service_name", "key").Limit(query.Limit).Offset(query.Offset).Scan(ctx)
	if err != nil {
		return configuration.Page{}, translate(err, "list configurations", nil)
	}
	total, err := narrow(r.store.read.NewSelect().Model((*configurationRow)(nil)), query).Count(ctx)
	if err != nil {
		return configuration.Page{}, translate(err, "count configurations", nil)
	}
	page := configuration.Page{Total: total}
	for _, row := range rows {
		c, err := row.rehydrate()
		if err != nil {
			return configuration.Page{}, err
		}
		page.Configurations = append(page.Configurations, c)
	}
	return page, nil
}

func narrow(q *bun.SelectQuery, query configuration.Query) *bun.SelectQuery {
	q = q.Where("is_deleted = ?", query.Deleted)
	if !query.Environment.IsZero() {
		q = q.Where("environment = ?", query.Environment.String())
	}
	if !query.Service.IsZero() {
		q = q.Where("service_name = ?", query.Service.String())
	}
	if query.KeyPrefix != "" {
		q = startingWith(q, "key", query.KeyPrefix)
	}
	return q
}

// startingWith narrows to the rows whose column begins with a prefix, bytewise.
func startingWith(q *bun.SelectQuery, column, prefix string) *bun.SelectQuery {
	return q.Where("? >= ?", bun.Ident(column), prefix).Where("? < ?", bun.Ident(column), successor(prefix))
}

// successor returns the least text that is greater than all that begin with the
// prefix. Keys and names are ASCII, so the last byte can always be raised.
func successor(prefix string) string {
	last := len(prefix) - 1
	return prefix[:last] + string(prefix[last]+1)
}

// Entry returns the entry that made a version, or ErrVersionNotFound.
func (r *Configurations) Entry(
	ctx context.Context, id configuration.ID, version configuration.Version,
) (configuration.HistoryEntry, error) {
	return r.entry(ctx, id, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("version = ?", int64(version))
	})
}

// EntryAt returns the newest entry made at or before that time, or
// ErrVersionNotFound.
func (r *Configurations) EntryAt(
	ctx context.Context, id configuration.ID, at time.Time,
) (configuration.HistoryEntry, error) {
	return r.entry(ctx, id, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("changed_at <= ?", timestamp{at}).Order("version DESC")
	})
}

func (r *Configurations) entry(
	ctx context.Context, id configuration.ID, where func(*bun.SelectQuery) *bun.SelectQuery,
) (configuration.HistoryEntry, error) {
	var row historyRow
	err := where(r.store.read.NewSelect().Model(&row).Where("configuration_id = ?", int64(id))).Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return configuration.HistoryEntry{}, configuration.ErrVersionNotFound
	}
	if err != nil {
		return configuration.HistoryEntry{}, translate(err, "load a version", nil)
	}
	return row.rehydrate()
}

// Entries returns a page of entries, newest first, and the number of all.
func (r *Configurations) Entries(
	ctx context.Context, id configuration.ID, limit, offset int,
) ([]configuration.HistoryEntry, int, error) {
	var rows []historyRow
	total, err := r.store.read.NewSelect().Model(&rows).Where("configuration_id = ?", int64(id)).
		Order("version DESC").Limit(limit).Offset(offset).ScanAndCount(ctx)
	if err != nil {
		return nil, 0, translate(err, "load a history", nil)
	}
	entries := make([]configuration.HistoryEntry, len(rows))
	for i, row := range rows {
		if entries[i], err = row.rehydrate(); err != nil {
			return nil, 0, err
		}
	}
	return entries, total, nil
}
