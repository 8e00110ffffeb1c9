package bunstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// versionWriter is the Writer of Versioned.
type versionWriter[I ~int64, A VersionedAggregate[I, E], R Row[A], E any, H Row[E]] struct {
	store          *Store
	mapping        Mapping[I, A, R, E, H]
	state          *Table[R]
	history        *Table[H]
	damaged        []string
	insert, update versionStatement
}

// versionStatement writes state, history entry and event of one version, and draws the
// id of a new state first. Entry and event are selected from the state's row, so that
// their ids are drawn while it is locked, and so that there are none where it did not match.
type versionStatement struct {
	text                         string
	drawn, state, history, event statement
}

func newVersionStatement(drawn, state, history, event statement) versionStatement {
	text := "WITH "
	if drawn.text != "" {
		text += "drawn AS (" + drawn.text + "), "
	}
	return versionStatement{
		drawn: drawn, state: state, history: history, event: event,
		text: text + "state AS (" + state.text + "), history AS (" + history.text + "), event AS (" + event.text +
			") SELECT id FROM state",
	}
}

func newVersionWriter[I ~int64, A VersionedAggregate[I, E], R Row[A], E any, H Row[E]](
	s *Store, m Mapping[I, A, R, E, H], state *Table[R], history *Table[H],
) versionWriter[I, A, R, E, H] {
	entry, event := history.dependentStatement(), NewTable[OutboxRow](s).dependentStatement()
	return versionWriter[I, A, R, E, H]{
		store: s, mapping: m, state: state, history: history, damaged: state.With(optionDamaged),
		insert: newVersionStatement(state.draw, state.insertStatement(), entry, event),
		update: newVersionStatement(statement{}, state.updateStatement(), entry, event),
	}
}

// Changed reports whether there is anything to write.
func (w versionWriter[I, A, R, E, H]) Changed(a A) bool { return len(a.Entries()) > 0 }

// Saved marks an aggregate as saved.
func (w versionWriter[I, A, R, E, H]) Saved(a A, id int64, events Events) {
	a.MarkSaved(I(id), events.LastID(""))
	w.store.Settle(KeyOf(w.state.name, id))
}

func (w versionWriter[I, A, R, E, H]) inOneStatement(
	ctx context.Context, a A, events Events,
) (id int64, done bool, err error) {
	entries, base := a.Entries(), a.Base()
	if len(entries) != 1 || len(events) != 1 || a.Lifecycle().Damaged || a.Lifecycle().Deleted || w.finish(a) != nil {
		return 0, false, nil
	}
	row, err := w.mapping.State(a, events.LastID(""))
	if err != nil {
		return 0, false, err
	}
	s := w.insert
	if base > 0 {
		s = w.update
	}
	args := make([]any, 0, len(s.drawn.fields)+len(s.state.fields)+len(s.history.fields)+len(s.event.fields)+2)
	args = s.state.appendArgs(s.drawn.appendArgs(args, row), row)
	if base > 0 {
		args = append(args, int64(a.ID()), int64(base))
	}
	args = s.event.appendArgs(s.history.appendArgs(args, w.mapping.Entry(entries[0], 0)), events[0])
	id, err = w.run(ctx, s.text, args)
	// Without a row the aggregate was deleted, is stale, or exists already: more statements
	// are needed to know.
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return id, true, err
}

// run runs a statement and returns the id. Without a row the base was not what the
// store holds.
func (w versionWriter[I, A, R, E, H]) run(ctx context.Context, text string, args []any) (id int64, err error) {
	failpoint.Hit("before-commit")
	defer failpoint.Hit("after-commit")
	err = retryTx(ctx, func() (err error) {
		id, err = FinalRaw(ctx, w.store.write, text, args...)
		return err
	})
	return id, err
}

// finish returns what writes more in the transaction, or nil.
func (w versionWriter[I, A, R, E, H]) finish(a A) func(context.Context, bun.Tx, I) error {
	if w.mapping.Finish == nil {
		return nil
	}
	return w.mapping.Finish(a)
}

// InTransaction writes one aggregate and returns its id.
func (w versionWriter[I, A, R, E, H]) InTransaction(
	ctx context.Context, tx bun.Tx, a A, events Events,
) (int64, error) {
	id, err := w.saveState(ctx, tx, a, events.LastID(""))
	if err != nil {
		return 0, err
	}
	entries := make([]H, len(a.Entries()))
	for i, e := range a.Entries() {
		entries[i] = w.mapping.Entry(e, I(id))
	}
	if _, err := w.history.Insert(tx, &entries).Exec(ctx); err != nil {
		return 0, err
	}
	if err := events.Insert(ctx, tx, id); err != nil {
		return 0, err
	}
	if finish := w.finish(a); finish != nil {
		return id, finish(ctx, tx, I(id))
	}
	return id, nil
}

// saveState writes the row of the state, if the store holds the base or a version
// that cannot be read. Of a damaged row it writes the lifecycle alone.
func (w versionWriter[I, A, R, E, H]) saveState(ctx context.Context, tx bun.Tx, a A, event string) (int64, error) {
	row, err := w.mapping.State(a, event)
	if err != nil {
		return 0, err
	}
	if a.Base() == 0 {
		return InsertState(ctx, tx, w.state, &row, a.Lifecycle().Deleted)
	}
	columns := w.state.Updated()
	if a.Lifecycle().Damaged {
		columns = w.damaged
	}
	return int64(a.ID()), UpdateState(ctx, tx, w.state, int64(a.ID()), a.Lifecycle().Deleted, func() *bun.UpdateQuery {
		return WhereCount(tx.NewUpdate().Model(&row).Column(columns...), "version", int64(a.Base()))
	})
}
