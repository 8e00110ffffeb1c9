package bunstore

import (
	"context"
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
	return r.one(ctx, r.store.read.NewSelect().Where("id = ?", int64(id)))
}

// FindByIdentity returns the configuration of that identity, also a deleted one,
// or configuration.ErrNotFound.
func (r *Configurations) FindByIdentity(
	ctx context.Context, identity configuration.Identity,
) (*configuration.Configuration, error) {
	return r.one(ctx, r.store.read.NewSelect().
		Where("key = ?", identity.Key.String()).
		Where("environment = ?", identity.Environment.String()).
		Where("service_name = ?", identity.Service.String()))
}

func (r *Configurations) one(ctx context.Context, q *bun.SelectQuery) (*configuration.Configuration, error) {
	found, err := one[configurationRow](ctx, r.store, q, "load a configuration", configuration.ErrNotFound)
	if err != nil || found.Version() > 0 {
		return found, err
	}
	s := found.State()
	s.Version, err = r.store.lastVersion(ctx, r.history(s.ID).Model((*historyRow)(nil)))
	return configuration.Rehydrate(s), err
}

// List returns a page of what matches, and the number of all that does.
func (r *Configurations) List(ctx context.Context, query configuration.Query) (configuration.Page, error) {
	l := listing[configurationRow, *configuration.Configuration]{
		store: r.store,
		query: func() *bun.SelectQuery { return narrow(r.store.read.NewSelect(), query) },
		order: []string{"environment", "service_name", "key"}, size: textBytes("value"), doing: "list configurations",
	}
	p, total, err := l.page(ctx, query.Limit, query.Offset)
	return configurationPage(p, total), err
}

func configurationPage(p part[*configuration.Configuration], total int) configuration.Page {
	return configuration.Page{
		Items: p.items, Total: total, Bytes: p.bytes,
		Next: following(p, func(next part[*configuration.Configuration]) configuration.Page {
			return configurationPage(next, total)
		}),
	}
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
	return r.entry(ctx, r.history(id).Where("version = ?", int64(version)))
}

// EntryAt returns the newest entry made at or before that time, or
// ErrVersionNotFound.
func (r *Configurations) EntryAt(
	ctx context.Context, id configuration.ID, at time.Time,
) (configuration.HistoryEntry, error) {
	return r.entry(ctx, r.history(id).Where("changed_at <= ?", timed(at)).Order("version DESC"))
}

func (r *Configurations) history(id configuration.ID) *bun.SelectQuery {
	return r.store.read.NewSelect().Where("configuration_id = ?", int64(id))
}

func (r *Configurations) entry(ctx context.Context, q *bun.SelectQuery) (configuration.HistoryEntry, error) {
	return one[historyRow](ctx, r.store, q, "load a version", configuration.ErrVersionNotFound)
}

// Entries returns a page of entries, newest first, and the number of all.
func (r *Configurations) Entries(
	ctx context.Context, id configuration.ID, limit, offset int,
) (configuration.HistoryPage, error) {
	l := listing[historyRow, configuration.HistoryEntry]{
		store: r.store,
		query: func() *bun.SelectQuery { return r.history(id) }, order: []string{"version DESC"},
		size: textBytes("old_value") + " + " + textBytes("new_value"), doing: "load a history",
	}
	p, total, err := l.page(ctx, limit, offset)
	return historyPage(p, total), err
}

func historyPage(p part[configuration.HistoryEntry], total int) configuration.HistoryPage {
	return configuration.HistoryPage{
		Entries: p.items, Total: total, Bytes: p.bytes,
		Next: following(p, func(next part[configuration.HistoryEntry]) configuration.HistoryPage {
			return historyPage(next, total)
		}),
	}
}
