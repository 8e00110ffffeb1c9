package flagstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// Repository stores feature flags, and reads their history and versions.
type Repository struct {
	versions
	store *bunstore.Store
	table *bunstore.Table[flagRow]
}

type versions = *bunstore.Versioned[flag.ID, *flag.Flag, flagRow, flag.HistoryEntry, entryRow]

type mapping = bunstore.Mapping[flag.ID, *flag.Flag, flagRow, flag.HistoryEntry, entryRow]

var (
	_ flag.Repository = (*Repository)(nil)
	_ flag.History    = (*Repository)(nil)
	_ flag.Source     = (*Repository)(nil)
)

// New returns the flags of a store.
func New(s *bunstore.Store) *Repository {
	bytes := func(column string) string { return s.JSONBytes("feature_flag_history", "fh", column) }
	size := func(table string) string { return s.JSONBytes(table, "f", "definition") }
	return &Repository{store: s, table: bunstore.NewTable[flagRow](s), versions: bunstore.NewVersioned(s, mapping{
		One: "flag", Many: "flags", NotFound: flag.ErrNotFound, VersionNotFound: flag.ErrVersionNotFound,
		State: stateRow(s.Dialect()), Entry: rowOfEntry,
		Order: []string{"environment", "name"}, Size: size,
		EntrySize: bytes("old_definition") + " + " + bytes("new_definition"),
	})}
}

// Module returns what flags add to a store.
func Module() bunstore.Module {
	query := func(s *bunstore.Store) *bun.SelectQuery {
		return s.NewSelect().Column(bunstore.NewTable[flagRow](s).Selected()...)
	}
	return bunstore.Module{Inspect: []bunstore.Inspection{
		bunstore.InspectByID("feature_flags", query, func(r flagRow) any { return r.ID }),
	}}
}

// FindByIdentity returns the flag of that identity, also a deleted one, or
// flag.ErrNotFound.
func (r *Repository) FindByIdentity(ctx context.Context, identity flag.Identity) (*flag.Flag, error) {
	return r.FindBy(ctx, r.Select().
		Where("name = ?", identity.Name.String()).
		Where("environment = ?", identity.Environment.String()))
}

// List returns a page of the matching flags, and the number of all.
func (r *Repository) List(ctx context.Context, query flag.Query) (flag.Page, error) {
	matching := func(q *bun.SelectQuery) *bun.SelectQuery { return narrow(q, query) }
	return r.ListBy(ctx, query.Deleted, matching, query.Window)
}

func narrow(q *bun.SelectQuery, query flag.Query) *bun.SelectQuery {
	if !query.Environment.IsZero() {
		q = q.Where("environment = ?", query.Environment.String())
	}
	if query.NamePrefix != "" {
		q = bunstore.WherePrefix(q, "name", query.NamePrefix)
	}
	columns := bunstore.AreaColumns{In: bunstore.InColumn("environment"), Name: "name"}
	return bunstore.WhereWithin(q, columns, query.Within)
}
