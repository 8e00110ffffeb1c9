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
		if err := w.dropInstances(ctx, tx, id, unsaved.State); err != nil {
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
		return bunstore.InsertState(ctx, tx, w.services, &row, unsaved.State.Deleted)
	}
	return row.ID, bunstore.UpdateState(ctx, tx, w.services, row.ID, unsaved.State.Deleted, func() *bun.UpdateQuery {
		update := tx.NewUpdate().Model(&row)
		switch {
		case unsaved.State.Damaged:
			return bunstore.WhereCount(update.Column(w.damaged...), "generation", unsaved.Base)
		case unsaved.Founded:
			return update.Column(w.founded...).Where("generation = ?", unsaved.Base)
		}
		return update.Column(w.services.Updated()...).Where("generation = ?", unsaved.Base)
	})
}

// dropInstances removes all instances of a service.
func (w writer) dropInstances(ctx context.Context, tx bun.Tx, id int64, s registry.State) error {
	_, err := tx.NewUpdate().Model((*instanceRow)(nil)).
		Set("is_removed = ?", true).Set("is_held = ?", false).Set("generation = ?", s.Generation).
		Set("updated_at = ?", column.Time(s.UpdatedAt)).Set("purge_at = ? + kept_seconds", s.UpdatedAt.Unix()).
		Where("service_id = ?", id).Exec(ctx)
	if err != nil {
		return err
	}
	return w.instances.Move(ctx, tx, true, "service_id = ?", id)
}

// saveInstances writes the changed instances. Each is in one of two tables.
func (w writer) saveInstances(ctx context.Context, tx bun.Tx, id int64, unsaved registry.Unsaved) error {
	readable := map[bool][]*registry.Instance{}
	for _, i := range unsaved.Instances {
		if !i.Damaged {
			readable[i.Removed] = append(readable[i.Removed], i)
			continue
		}
		if err := w.saveDamagedInstance(ctx, tx, id, unsaved.State.Generation, i); err != nil {
			return err
		}
	}
	for _, removed := range []bool{true, false} {
		for some := range slices.Chunk(readable[removed], saveChunk) {
			if err := w.upsertInstances(ctx, tx, id, unsaved, removed, some); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w writer) upsertInstances(
	ctx context.Context, tx bun.Tx, id int64, unsaved registry.Unsaved, removed bool, some []*registry.Instance,
) error {
	rows := make([]instanceRow, len(some))
	for n, i := range some {
		var err error
		if rows[n], err = rowOfInstance(i, id, unsaved.State.Generation); err != nil {
			return err
		}
	}
	if _, err := w.instances.UpsertIn(tx, removed, &rows).Exec(ctx); err != nil {
		return err
	}
	moved := slices.DeleteFunc(slices.Clone(some), func(i *registry.Instance) bool { return !changesTable(unsaved, i) })
	if len(moved) == 0 {
		return nil
	}
	var keys []any
	for _, i := range moved {
		keys = append(keys, i.ID.String(), i.Environment.String())
	}
	values := strings.TrimSuffix(strings.Repeat("(?, ?), ", len(moved)), ", ")
	_, err := tx.NewDelete().Table(w.instances.In(!removed)).Where("service_id = ?", id).
		Where("(instance_id, environment) IN (VALUES "+values+")", keys...).Exec(ctx)
	return err
}

// changesTable reports whether an instance may be in the other table: only transitions
// remove instances and bring them back.
func changesTable(unsaved registry.Unsaved, i *registry.Instance) bool {
	return slices.ContainsFunc(unsaved.Transitions, func(t registry.Transition) bool {
		return t.Instance == i.ID && t.Environment == i.Environment
	})
}

// saveDamagedInstance writes the lifecycle of an unreadable instance, and leaves its
// other columns unchanged.
func (w writer) saveDamagedInstance(
	ctx context.Context, tx bun.Tx, id, generation int64, i *registry.Instance,
) error {
	const key = "service_id = ? AND instance_id = ? AND environment = ?"
	args := []any{id, i.ID.String(), i.Environment.String()}
	for _, was := range []bool{false, true} {
		result, err := tx.NewUpdate().Table(w.instances.In(was)).
			Set("is_removed = ?", i.Removed).Set("is_held = ?", i.Held).Set("generation = ?", generation).
			Set("updated_at = ?", column.Time(i.UpdatedAt)).
			Set("purge_at = ?", purgeAt(i.Removed, i.UpdatedAt, i.Kept())).
			Where(key, args...).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil || n > 0 && was == i.Removed {
			return err
		}
		if n > 0 {
			return w.instances.Move(ctx, tx, i.Removed, key, args...)
		}
	}
	return nil
}
