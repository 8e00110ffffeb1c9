package registrystore

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// One query is of some services, and one page of it has some rows.
const (
	environmentServices = 500
	environmentPage     = 10_000
)

// placeRow is a service in an environment in which it has instances.
type placeRow struct {
	ServiceID   int64
	Environment string
}

// Environments returns in which environments services have instances.
func (r *Repository) Environments(
	ctx context.Context, ids ...registry.ID,
) (map[registry.ID][]scope.Environment, error) {
	in := map[registry.ID][]scope.Environment{}
	for some := range slices.Chunk(ids, environmentServices) {
		for read, more := 0, true; more; {
			rows, err := r.places(ctx, some, read)
			if err != nil {
				return nil, err
			}
			for _, row := range rows {
				id := registry.ID(row.ServiceID)
				in[id] = append(in[id], scope.RehydrateEnvironment(column.Printable(row.Environment)))
			}
			read, more = read+len(rows), len(rows) == environmentPage
		}
	}
	return in, nil
}

func (r *Repository) places(ctx context.Context, services []registry.ID, offset int) ([]placeRow, error) {
	var rows []placeRow
	q := r.store.NewSelect().Model((*instanceRow)(nil)).ColumnExpr("DISTINCT i.service_id, i.environment").
		Where("NOT i.is_removed").Where("i.service_id IN (?)", bun.List(services)).
		Order("service_id", "environment").Offset(offset)
	err := bunstore.ScanSelect(ctx, q, environmentPage, &rows)
	return rows, dberror.Translate(err, "load the environments of services", nil)
}
