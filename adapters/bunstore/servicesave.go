package bunstore

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// rowsAtOnce bounds the rows of one statement, and so its parameters.
const rowsAtOnce = 500

// Save writes the unsaved changes of all the given services, all or none.
func (r *Services) Save(ctx context.Context, services ...*registry.Service) error {
	return saveAll(ctx, r.store, r, services)
}

func (*Services) unsaved(s *registry.Service) bool { return !s.Unsaved().Empty() }

func (r *Services) saved(s *registry.Service, id int64, events made) {
	unsaved := s.Unsaved()
	s.MarkSaved(registry.ID(id), events.last(s.State().Event))
	if r.store.DamagedRows() == 0 {
		return
	}
	r.store.damage.saved("service_registry", id)
	r.store.damage.forget(func(at place) bool {
		service, instance, _ := strings.Cut(at.id, "/")
		return at.table == "service_instances" && service == strconv.FormatInt(id, 10) && (unsaved.Dropped ||
			slices.ContainsFunc(unsaved.Instances, func(i *registry.Instance) bool {
				return i.Environment.String()+"/"+i.ID.String() == instance
			}))
	})
}

// inOneStatement leaves services to a transaction: they are rows of four tables.
func (*Services) inOneStatement(context.Context, *registry.Service, made) (int64, bool, error) {
	return 0, false, nil
}

func (*Services) inTransaction(
	ctx context.Context, tx bun.Tx, s *registry.Service, events made,
) (int64, error) {
	unsaved := s.Unsaved()
	unsaved.State.Event = events.last(unsaved.State.Event)
	id, err := saveService(ctx, tx, unsaved)
	if err != nil {
		return 0, err
	}
	if unsaved.Dropped {
		_, err := tx.NewUpdate().Model((*instanceRow)(nil)).
			Set("is_removed = ?", true).Set("is_held = ?", false).Set("generation = ?", unsaved.State.Generation).
			Set("updated_at = ?", timed(unsaved.State.UpdatedAt)).
			Set("purge_at = ? + kept_seconds", unsaved.State.UpdatedAt.Unix()).
			Where("service_id = ?", id).Where("is_removed = ?", false).Exec(ctx)
		if err != nil {
			return 0, err
		}
	}
	if err := saveInstances(ctx, tx, id, unsaved); err != nil {
		return 0, err
	}
	for some := range slices.Chunk(unsaved.Transitions, rowsAtOnce) {
		rows := make([]transitionRow, len(some))
		for i, t := range some {
			rows[i] = rowOfTransition(t, id)
		}
		if _, err := tx.NewInsert().Model(&rows).ExcludeColumn("id").Exec(ctx); err != nil {
			return 0, err
		}
	}
	if len(events) == 0 {
		return id, nil
	}
	return id, insertEvents(ctx, tx, events, id)
}

// saveService writes the row that stands, if the store holds the generation
// before. What Touch writes is left alone, unless the service is registered anew.
func saveService(ctx context.Context, tx bun.Tx, unsaved registry.Unsaved) (int64, error) {
	row, err := rowOfService(unsaved.State)
	if err != nil {
		return 0, err
	}
	if unsaved.Base == 0 {
		return insertState(ctx, tx.NewInsert().Model(&row), "service_name")
	}
	if unsaved.State.Damaged {
		return row.ID, updateWhere(ctx, whereCount(tx.NewUpdate().Model(&row).
			Column("status", "updated_at", "instances_total", "instances_offered", "instances_known", "protections",
				"version", "generation", "last_event_id", "purge_at", "updated_by", "updated_by_key", "is_deleted").
			Where("id = ?", row.ID), "generation", unsaved.Base))
	}
	update := tx.NewUpdate().Model(&row).
		Column("service_url", "health_check_url", "status", "metadata", "updated_at", "instances_total",
			"instances_offered", "instances_known", "protections", "last_epoch", "version", "generation", "updated_by",
			"updated_by_key", "is_deleted", "last_event_id", "purge_at")
	if unsaved.Founded {
		update = update.Column("registered_at", "last_health_check", "response_time", "response_time_average")
	}
	return row.ID, updateWhere(ctx, update.
		Where("id = ?", row.ID).Where("generation = ?", unsaved.Base))
}

// saveInstances writes the instances that have changed.
func saveInstances(ctx context.Context, tx bun.Tx, id int64, unsaved registry.Unsaved) error {
	var readable []*registry.Instance
	for _, i := range unsaved.Instances {
		if !i.Damaged {
			readable = append(readable, i)
			continue
		}
		if err := saveDamagedInstance(ctx, tx, id, unsaved.State.Generation, i); err != nil {
			return err
		}
	}
	return saveReadableInstances(ctx, tx, id, unsaved.State.Generation, readable)
}

func saveReadableInstances(
	ctx context.Context, tx bun.Tx, id, generation int64, readable []*registry.Instance,
) error {
	for some := range slices.Chunk(readable, rowsAtOnce) {
		rows := make([]instanceRow, len(some))
		for n, i := range some {
			var err error
			if rows[n], err = rowOfInstance(i, id, generation); err != nil {
				return err
			}
		}
		q := tx.NewInsert().Model(&rows).On("CONFLICT (service_id, instance_id, environment) DO UPDATE")
		for _, column := range []string{
			"definition", "desired", "desired_reason", "desired_by", "desired_by_key", "evidence",
			"is_flapping", "is_expired", "is_held", "since", "reason", "lease_epoch", "registered_at", "updated_at",
			"is_removed", "generation", "kept_seconds", "purge_at",
		} {
			q = q.Set("? = EXCLUDED.?", bun.Ident(column), bun.Ident(column))
		}
		if _, err := q.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// saveDamagedInstance writes the end of an instance that cannot be read, and leaves
// alone what its row holds.
func saveDamagedInstance(ctx context.Context, tx bun.Tx, id, generation int64, i *registry.Instance) error {
	_, err := tx.NewUpdate().Model((*instanceRow)(nil)).
		Set("is_removed = ?", i.Removed).Set("is_held = ?", i.Held).Set("generation = ?", generation).
		Set("updated_at = ?", timed(i.UpdatedAt)).Set("purge_at = ?", purgeAt(i.Removed, i.UpdatedAt, i.Kept())).
		Where("service_id = ?", id).Where("instance_id = ?", i.ID.String()).
		Where("environment = ?", i.Environment.String()).Exec(ctx)
	return err
}

var _ writer[*registry.Service] = (*Services)(nil)
