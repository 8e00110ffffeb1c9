package flagstore

import (
	"context"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// versionPage bounds the rows of one query for versions.
const versionPage = 10_000

// Counts returns the sum of the versions of all flags, by environment.
func (r *Repository) Counts(ctx context.Context) (map[scope.Environment]int64, error) {
	counts := map[scope.Environment]int64{}
	for after := ""; ; {
		var rows []struct {
			Environment string
			Versions    int64
		}
		q := r.table.WithDeleted(r.store.NewSelect().Model((*flagRow)(nil))).
			ColumnExpr("environment, CAST(sum(version) AS bigint) AS versions").Where("environment > ?", after).
			Group("environment").Order("environment")
		if err := bunstore.ScanSelect(ctx, q, versionPage, &rows); err != nil {
			return nil, dberror.Translate(err, "count the versions of flags", nil)
		}
		for _, row := range rows {
			// Flags of an environment that does not parse are damaged, and in no snapshot.
			if e, err := scope.ParseEnvironment(row.Environment); err == nil {
				counts[e] = row.Versions
			}
			after = row.Environment
		}
		if len(rows) < versionPage {
			return counts, nil
		}
	}
}

// Versions returns the current version of every flag of an environment.
func (r *Repository) Versions(ctx context.Context, environment scope.Environment) (map[flag.ID]scope.Version, error) {
	versions := map[flag.ID]scope.Version{}
	for after := int64(0); ; {
		var rows []struct{ ID, Version int64 }
		q := r.table.WithDeleted(r.store.NewSelect().Model((*flagRow)(nil))).Column("id").
			ColumnExpr("CAST(version AS bigint) AS version").
			Where("environment = ?", environment.String()).Where("id > ?", after).Order("id")
		if err := bunstore.ScanSelect(ctx, q, versionPage, &rows); err != nil {
			return nil, dberror.Translate(err, "load the versions of flags", nil)
		}
		for _, row := range rows {
			versions[flag.ID(row.ID)] = scope.Version(row.Version)
			after = row.ID
		}
		if len(rows) < versionPage {
			return versions, nil
		}
	}
}
