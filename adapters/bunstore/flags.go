package bunstore

import (
	"context"
	"database/sql"
	"errors"
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

func (r *Flags) query(into *[]flagRow) *bun.SelectQuery {
	return r.store.read.NewSelect().Model(into).Column(flagColumns()...)
}

// Find returns the flag of that id, also a deleted one, or flag.ErrNotFound.
func (r *Flags) Find(ctx context.Context, id flag.ID) (*flag.Flag, error) {
	return r.one(ctx, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("id = ?", int64(id)) })
}

// FindByIdentity returns the flag of that identity, also a deleted one, or
// flag.ErrNotFound.
func (r *Flags) FindByIdentity(ctx context.Context, identity flag.Identity) (*flag.Flag, error) {
	return r.one(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("name = ?", identity.Name.String()).Where("environment = ?", identity.Environment.String())
	})
}

func (r *Flags) one(ctx context.Context, where func(*bun.SelectQuery) *bun.SelectQuery) (*flag.Flag, error) {
	var rows []flagRow
	if err := where(r.query(&rows)).Order("id").Limit(1).Scan(ctx); err != nil {
		return nil, translate(err, "load a flag", nil)
	}
	if len(rows) == 0 {
		return nil, flag.ErrNotFound
	}
	return rows[0].rehydrate()
}

// List returns a page of what matches, and the number of all that does.
func (r *Flags) List(ctx context.Context, query flag.Query) (flag.Page, error) {
	var rows []flagRow
	err := narrowFlags(r.query(&rows), query).
		Order("environment", "name").Limit(query.Limit).Offset(query.Offset).Scan(ctx)
	if err != nil {
		return flag.Page{}, translate(err, "list flags", nil)
	}
	total, err := narrowFlags(r.store.read.NewSelect().Model((*flagRow)(nil)), query).Count(ctx)
	if err != nil {
		return flag.Page{}, translate(err, "count flags", nil)
	}
	flags, err := rehydrateFlags(rows)
	return flag.Page{Flags: flags, Total: total}, err
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

func rehydrateFlags(rows []flagRow) ([]*flag.Flag, error) {
	flags := make([]*flag.Flag, len(rows))
	for i, row := range rows {
		var err error
		if flags[i], err = row.rehydrate(); err != nil {
			return nil, err
		}
	}
	return flags, nil
}

// Entry returns the entry that made a version, or flag.ErrVersionNotFound.
func (r *Flags) Entry(ctx context.Context, id flag.ID, version scope.Version) (flag.HistoryEntry, error) {
	return r.entry(ctx, id, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("version = ?", int64(version))
	})
}

// EntryAt returns the newest entry made at or before that time, or
// flag.ErrVersionNotFound.
func (r *Flags) EntryAt(ctx context.Context, id flag.ID, at time.Time) (flag.HistoryEntry, error) {
	return r.entry(ctx, id, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("changed_at <= ?", timestamp{at}).Order("version DESC")
	})
}

func (r *Flags) entry(
	ctx context.Context, id flag.ID, where func(*bun.SelectQuery) *bun.SelectQuery,
) (flag.HistoryEntry, error) {
	var row flagEntryRow
	err := where(r.store.read.NewSelect().Model(&row).Where("flag_id = ?", int64(id))).Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return flag.HistoryEntry{}, flag.ErrVersionNotFound
	}
	if err != nil {
		return flag.HistoryEntry{}, translate(err, "load a version", nil)
	}
	return row.rehydrate()
}

// Entries returns a page of entries, newest first, and the number of all.
func (r *Flags) Entries(ctx context.Context, id flag.ID, limit, offset int) ([]flag.HistoryEntry, int, error) {
	var rows []flagEntryRow
	total, err := r.store.read.NewSelect().Model(&rows).Where("flag_id = ?", int64(id)).
		Order("version DESC").Limit(limit).Offset(offset).ScanAndCount(ctx)
	if err != nil {
		return nil, 0, translate(err, "load a history", nil)
	}
	entries := make([]flag.HistoryEntry, len(rows))
	for i, row := range rows {
		if entries[i], err = row.rehydrate(); err != nil {
			return nil, 0, err
		}
	}
	return entries, total, nil
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
			return nil, err
		}
		counts[e] = row.Versions
	}
	return counts, nil
}

// Versions returns the present version of every flag of an environment.
func (r *Flags) Versions(ctx context.Context, environment scope.Environment) (map[flag.ID]scope.Version, error) {
	var rows []struct{ ID, Version int64 }
	err := r.store.read.NewSelect().Model((*flagRow)(nil)).Column("id", "version").
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
	var all []*flag.Flag
	for chunk := range slices.Chunk(ids, loadChunk) {
		var rows []flagRow
		if err := r.query(&rows).Where("id IN (?)", bun.List(chunk)).Scan(ctx); err != nil {
			return nil, translate(err, "load flags", nil)
		}
		flags, err := rehydrateFlags(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, flags...)
	}
	return all, nil
}
