package configstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/domain/configuration"
)

// Repository stores configurations and reads their history.
type Repository struct{ versions }

type versions = *bunstore.Versioned[
	configuration.ID, *configuration.Configuration, configurationRow, configuration.HistoryEntry, entryRow]

type mapping = bunstore.Mapping[
	configuration.ID, *configuration.Configuration, configurationRow, configuration.HistoryEntry, entryRow]

var (
	_ configuration.Repository = (*Repository)(nil)
	_ configuration.History    = (*Repository)(nil)
)

// New returns the configurations of a store.
func New(s *bunstore.Store) *Repository {
	return &Repository{bunstore.NewVersioned(s, mapping{
		One: "configuration", Many: "configurations",
		NotFound: configuration.ErrNotFound, VersionNotFound: configuration.ErrVersionNotFound,
		State: stateRow, Entry: rowOfEntry, Finish: sealing,
		Order:     []string{"environment", "service_name", "key"},
		Size:      func(string) string { return bunstore.TextBytes("value") },
		EntrySize: bunstore.TextBytes("old_value") + " + " + bunstore.TextBytes("new_value"),
	})}
}

// Module returns what configurations add to a store.
func Module() bunstore.Module {
	// Values are long, and have no rule that an inspection could check but to be text.
	query := func(s *bunstore.Store) *bun.SelectQuery {
		return s.NewSelect().Model((*configurationRow)(nil)).ExcludeColumn("value")
	}
	return bunstore.Module{Inspect: []bunstore.Inspection{
		bunstore.InspectByID("configurations", query, func(r configurationRow) any { return r.ID }),
	}}
}

// FindByIdentity returns the configuration of that identity, also a deleted one,
// or configuration.ErrNotFound.
func (r *Repository) FindByIdentity(
	ctx context.Context, identity configuration.Identity,
) (*configuration.Configuration, error) {
	return r.FindBy(ctx, r.Select().
		Where("key = ?", identity.Key.String()).
		Where("environment = ?", identity.Environment.String()).
		Where("service_name = ?", identity.Service.String()))
}

// List returns a page of the matching configurations, and the number of all.
func (r *Repository) List(ctx context.Context, query configuration.Query) (configuration.Page, error) {
	matching := func(q *bun.SelectQuery) *bun.SelectQuery { return narrow(q, query) }
	return r.ListBy(ctx, query.Deleted, matching, query.Window)
}

func narrow(q *bun.SelectQuery, query configuration.Query) *bun.SelectQuery {
	if !query.Environment.IsZero() {
		q = q.Where("environment = ?", query.Environment.String())
	}
	if !query.Service.IsZero() {
		q = q.Where("service_name = ?", query.Service.String())
	}
	if query.KeyPrefix != "" {
		q = bunstore.WherePrefix(q, "key", query.KeyPrefix)
	}
	return bunstore.WhereWithin(q, bunstore.AreaColumns{
		In: bunstore.InColumn("environment"), Service: "service_name", Name: "key",
	}, query.Within)
}
