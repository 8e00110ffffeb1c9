package registrystore

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// saveChunk bounds the rows of one statement, and so its parameters.
const saveChunk = 500

// Save writes the unsaved changes of all the given services, all or none.
func (r *Repository) Save(ctx context.Context, services ...*registry.Service) error {
	return bunstore.Save(ctx, r.store, writer{r}, services)
}

// writer is the Writer of services: rows of four tables in one transaction.
type writer struct{ *Repository }

var _ bunstore.Writer[*registry.Service] = writer{}

// Changed reports whether there is anything to write.
func (writer) Changed(s *registry.Service) bool { return !s.Unsaved().Empty() }

// Saved marks a service as saved, and its damaged rows that were written as settled.
func (w writer) Saved(s *registry.Service, id int64, events bunstore.Events) {
	unsaved := s.Unsaved()
	s.MarkSaved(registry.ID(id), events.LastID(s.State().Event))
	if w.store.DamagedRows() == 0 {
		return
	}
	w.store.Settle(bunstore.KeyOf("service_registry", id))
	w.store.SettleAll(func(key bunstore.RowKey) bool {
		service, instance, _ := strings.Cut(key.ID, "/")
		return key.Table == "service_instances" && service == strconv.FormatInt(id, 10) && (unsaved.Dropped ||
			slices.ContainsFunc(unsaved.Instances, func(i *registry.Instance) bool {
				return i.Environment.String()+"/"+i.ID.String() == instance
			}))
	})
}

// InTransaction writes one service and returns its id.
func (w writer) InTransaction(
	ctx context.Context, tx bun.Tx, s *registry.Service, events bunstore.Events,
) (int64, error) {
	unsaved := s.Unsaved()
	unsaved.State.Event = events.LastID(unsaved.State.Event)
	id, err := w.saveService(ctx, tx, unsaved)
	if err != nil {
		return 0, err
	}
	if unsaved.Dropped {
		if err := dropInstances(ctx, tx, id, unsaved.State); err != nil {
			return 0, err
		}
	}
	if err := w.saveInstances(ctx, tx, id, unsaved); err != nil {
		return 0, err
	}
	for some := range slices.Chunk(unsaved.Transitions, saveChunk) {
		rows := make([]transitionRow, len(some))
		for i, t := range some {
			rows[i] = rowOfTransition(t, id)
		}
		if _, err := w.transitions.Insert(tx, &rows).Exec(ctx); err != nil {
			return 0, err
		}
	}
	return id, events.Insert(ctx, tx, id)
}

// saveService writes the row of the service, if the store holds the base generation.
// It does not write what Touch writes, unless the service is registered anew.
func (w writer) saveService(ctx context.Context, tx bun.Tx, unsaved registry.Unsaved) (int64, error) {
	row, err := rowOfService(unsaved.State)
	if err != nil {
		return 0, err
	}
	if unsaved.Base == 0 {
		return bunstore.InsertState(ctx, tx, w.services, &row)
	}
	update := tx.NewUpdate().Model(&row).Where("id = ?", row.ID)
	switch {
	case unsaved.State.Damaged:
		update = bunstore.WhereCount(update.Column(w.damaged...), "generation", unsaved.Base)
	case unsaved.Founded:
		update = update.Column(w.founded...).Where("generation = ?", unsaved.Base)
	default:
		update = update.Column(w.services.Updated()...).Where("generation = ?", unsaved.Base)
	}
	return row.ID, bunstore.UpdateOrStale(ctx, update)
}

// dropInstances removes all instances of a service.
func dropInstances(ctx context.Context, tx bun.Tx, id int64, s registry.State) error {
	_, err := tx.NewUpdate().Model((*instanceRow)(nil)).
		Set("is_removed = ?", true).Set("is_held = ?", false).Set("generation = ?", s.Generation).
		Set("updated_at = ?", column.Time(s.UpdatedAt)).Set("purge_at = ? + kept_seconds", s.UpdatedAt.Unix()).
		Where("service_id = ?", id).Where("is_removed = ?", false).Exec(ctx)
	return err
}

// saveInstances writes the changed instances.
func (w writer) saveInstances(ctx context.Context, tx bun.Tx, id int64, unsaved registry.Unsaved) error {
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
	for some := range slices.Chunk(readable, saveChunk) {
		rows := make([]instanceRow, len(some))
		for n, i := range some {
			var err error
			if rows[n], err = rowOfInstance(i, id, unsaved.State.Generation); err != nil {
				return err
			}
		}
		if _, err := w.instances.Upsert(tx, &rows).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// saveDamagedInstance writes the lifecycle of an unreadable instance, and leaves its
// other columns unchanged.
func saveDamagedInstance(ctx context.Context, tx bun.Tx, id, generation int64, i *registry.Instance) error {
	_, err := tx.NewUpdate().Model((*instanceRow)(nil)).
		Set("is_removed = ?", i.Removed).Set("is_held = ?", i.Held).Set("generation = ?", generation).
		Set("updated_at = ?", column.Time(i.UpdatedAt)).Set("purge_at = ?", purgeAt(i.Removed, i.UpdatedAt, i.Kept())).
		Where("service_id = ?", id).Where("instance_id = ?", i.ID.String()).
		Where("environment = ?", i.Environment.String()).Exec(ctx)
	return err
}
