package bunstore

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Flags stores feature flags, reads their history, and tells what has changed.
type Flags struct{ store *Store }

var (
	_ flag.Repository = (*Flags)(nil)
	_ flag.History    = (*Flags)(nil)
	_ flag.Source     = (*Flags)(nil)
)

func (r *Flags) query() *bun.SelectQuery {
	return r.store.read.NewSelect().Column(flagColumns()...)
}

// Find returns the flag of that id, also a deleted one, or flag.ErrNotFound.
func (r *Flags) Find(ctx context.Context, id flag.ID) (*flag.Flag, error) {
	return r.one(ctx, r.query().Where("id = ?", int64(id)))
}

// FindByIdentity returns the flag of that identity, also a deleted one, or
// flag.ErrNotFound.
func (r *Flags) FindByIdentity(ctx context.Context, identity flag.Identity) (*flag.Flag, error) {
	return r.one(ctx, r.query().
		Where("name = ?", identity.Name.String()).
		Where("environment = ?", identity.Environment.String()))
}

func (r *Flags) one(ctx context.Context, q *bun.SelectQuery) (*flag.Flag, error) {
	found, err := one[flagRow](ctx, r.store, q, "load a flag", flag.ErrNotFound)
	if err != nil || found.Version() > 0 {
		return found, err
	}
	s := found.State()
	s.Version, err = r.store.lastVersion(ctx, r.history(s.ID).Model((*flagEntryRow)(nil)))
	return flag.Rehydrate(s), err
}

// List returns a page of what matches, and the number of all that does.
func (r *Flags) List(ctx context.Context, query flag.Query) (flag.Page, error) {
	l := listing[flagRow, *flag.Flag]{
		store:   r.store,
		query:   func() *bun.SelectQuery { return narrowFlags(r.store.read.NewSelect(), query) },
		columns: flagColumns(), order: []string{"environment", "name"},
		size: r.store.dialect.jsonBytes("feature_flags", "f", "definition"), doing: "list flags",
	}
	p, total, err := l.page(ctx, query.Limit, query.Offset)
	return flagPage(p, total), err
}

func flagPage(p part[*flag.Flag], total int) flag.Page {
	return flag.Page{
		Items: p.items, Total: total, Bytes: p.bytes,
		Next: following(p, func(next part[*flag.Flag]) flag.Page { return flagPage(next, total) }),
	}
}

func narrowFlags(q *bun.SelectQuery, query flag.Query) *bun.SelectQuery {
	q = q.Where("is_deleted = ?", query.Deleted)
	if !query.Environment.IsZero() {
		q = q.Where("environment = ?", query.Environment.String())
	}
	if query.NamePrefix != "" {
		q = startingWith(q, "name", query.NamePrefix)
	}
	return q
}

// Entry returns the entry that made a version, or flag.ErrVersionNotFound.
func (r *Flags) Entry(ctx context.Context, id flag.ID, version scope.Version) (flag.HistoryEntry, error) {
	return r.entry(ctx, r.history(id).Where("version = ?", int64(version)))
}

// EntryAt returns the newest entry made at or before that time, or
// flag.ErrVersionNotFound.
func (r *Flags) EntryAt(ctx context.Context, id flag.ID, at time.Time) (flag.HistoryEntry, error) {
	return r.entry(ctx, r.history(id).Where("changed_at <= ?", timed(at)).Order("version DESC"))
}

func (r *Flags) history(id flag.ID) *bun.SelectQuery {
	return r.store.read.NewSelect().Where("flag_id = ?", int64(id))
}

func (r *Flags) entry(ctx context.Context, q *bun.SelectQuery) (flag.HistoryEntry, error) {
	return one[flagEntryRow](ctx, r.store, q, "load a version", flag.ErrVersionNotFound)
}

// Entries returns a page of entries, newest first, and the number of all.
func (r *Flags) Entries(ctx context.Context, id flag.ID, limit, offset int) (flag.HistoryPage, error) {
	bytes := func(column string) string { return r.store.dialect.jsonBytes("feature_flag_history", "fh", column) }
	l := listing[flagEntryRow, flag.HistoryEntry]{
		store: r.store,
		query: func() *bun.SelectQuery { return r.history(id) }, order: []string{"version DESC"},
		size: bytes("old_definition") + " + " + bytes("new_definition"), doing: "load a history",
	}
	p, total, err := l.page(ctx, limit, offset)
	return flagHistoryPage(p, total), err
}

func flagHistoryPage(p part[flag.HistoryEntry], total int) flag.HistoryPage {
	return flag.HistoryPage{
		Entries: p.items, Total: total, Bytes: p.bytes,
		Next: following(p, func(next part[flag.HistoryEntry]) flag.HistoryPage { return flagHistoryPage(next, total) }),
	}
}

// Counts returns how many versions the flags of each environment have had.
func (r *Flags) Counts(ctx context.Context) (map[scope.Environment]int64, error) {
	var rows []struct {
		Environment string
		Versions    int64
	}
	err := r.store.read.NewSelect().Model((*flagRow)(nil)).
		ColumnExpr("environment, CAST(sum(version) AS bigint) AS versions").Group("environment").Scan(ctx, &rows)
	if err != nil {
		return nil, translate(err, "count the versions of flags", nil)
	}
	counts := make(map[scope.Environment]int64, len(rows))
	for _, row := range rows {
		e, err := scope.ParseEnvironment(row.Environment)
		if err != nil {
			// Flags of it are damaged, and in no memory.
			continue
		}
		counts[e] = row.Versions
	}
	return counts, nil
}

// Versions returns the present version of every flag of an environment.
func (r *Flags) Versions(ctx context.Context, environment scope.Environment) (map[flag.ID]scope.Version, error) {
	var rows []struct{ ID, Version int64 }
	err := r.store.read.NewSelect().Model((*flagRow)(nil)).Column("id").
		ColumnExpr("CAST(version AS bigint) AS version").
		Where("environment = ?", environment.String()).Scan(ctx, &rows)
	if err != nil {
		return nil, translate(err, "load the versions of flags", nil)
	}
	versions := make(map[flag.ID]scope.Version, len(rows))
	for _, row := range rows {
		versions[flag.ID(row.ID)] = scope.Version(row.Version)
	}
	return versions, nil
}

// loadChunk bounds the ids of one statement.
const loadChunk = 500

// Load returns the flags of those ids, in no order.
func (r *Flags) Load(ctx context.Context, ids ...flag.ID) ([]*flag.Flag, error) {
	var found []*flag.Flag
	for chunk := range slices.Chunk(ids, loadChunk) {
		flags, err := all[flagRow](ctx, r.store, r.query().Where("id IN (?)", bun.List(chunk)), "load flags")
		if err != nil {
			return nil, err
		}
		found = append(found, flags...)
	}
	return found, nil
}
