package bunstore

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// VersionedAggregate is an aggregate with a versioned.Root.
type VersionedAggregate[I ~int64, E any] interface {
	Aggregate
	ID() I
	Lifecycle() scope.Lifecycle
	Base() scope.Version
	Entries() []E
	MarkSaved(id I, event string)
}

// Mapping describes how a module's versioned aggregate A is stored: R is the row of
// its state, E an entry of its history, and H the row of an entry.
type Mapping[I ~int64, A VersionedAggregate[I, E], R Row[A], E any, H Row[E]] struct {
	// One and Many name the aggregate in errors: "load a flag", "list flags".
	One, Many string
	// NotFound and VersionNotFound are the errors of an absent aggregate and entry.
	NotFound, VersionNotFound error
	// State returns the row of the aggregate's state. event is the id of the event that
	// made its version.
	State func(a A, event string) (R, error)
	// Entry returns the row of an entry of the aggregate with that id.
	Entry func(e E, aggregate I) H
	// Finish returns what writes more in the transaction of a save, nil for nothing; it
	// may be nil itself.
	Finish func(A) func(ctx context.Context, tx bun.Tx, aggregate I) error
	// Order is the order of lists.
	Order []string
	// Size returns the expression for the bytes of a row of a table of states, EntrySize
	// is that for entries.
	Size      func(table string) string
	EntrySize string
}

// Versioned stores versioned aggregates: the state in one table, an entry for every
// version in another, and an event for each in the outbox. It is most of a
// versioned.Repository, and a versioned.History; repositories of modules embed it.
type Versioned[I ~int64, A VersionedAggregate[I, E], R Row[A], E any, H Row[E]] struct {
	store   *Store
	mapping Mapping[I, A, R, E, H]
	state   *Table[R]
	history *Table[H]
	writer  versionWriter[I, A, R, E, H]
	// loadOne says in errors what Find does.
	loadOne string
}

// NewVersioned returns a store of versioned aggregates.
func NewVersioned[I ~int64, A VersionedAggregate[I, E], R Row[A], E any, H Row[E]](
	s *Store, m Mapping[I, A, R, E, H],
) *Versioned[I, A, R, E, H] {
	state, history := NewTable[R](s), NewTable[H](s)
	return &Versioned[I, A, R, E, H]{
		store: s, mapping: m, state: state, history: history, writer: newVersionWriter(s, m, state, history),
		loadOne: "load a " + m.One,
	}
}

// Save writes the unsaved changes of all the given aggregates, all or none.
func (v *Versioned[I, A, R, E, H]) Save(ctx context.Context, aggregates ...A) error {
	return Save(ctx, v.store, v.writer, aggregates)
}

// Select returns a query for states, deleted ones too.
func (v *Versioned[I, A, R, E, H]) Select() *bun.SelectQuery {
	return v.state.WithDeleted(v.store.NewSelect().Column(v.state.Selected()...))
}

// Find returns the aggregate of that id, or Mapping.NotFound.
func (v *Versioned[I, A, R, E, H]) Find(ctx context.Context, id I) (A, error) {
	return v.FindBy(ctx, v.Select().Where("id = ?", int64(id)))
}

// FindBy returns the aggregate that a query of Select finds, or Mapping.NotFound.
func (v *Versioned[I, A, R, E, H]) FindBy(ctx context.Context, q *bun.SelectQuery) (A, error) {
	rows, broken, err := scanned[R](ctx, v.store, q, 1)
	var none A
	if err != nil {
		return none, dberror.Translate(err, v.loadOne, nil)
	}
	if len(rows) == 0 {
		return none, v.mapping.NotFound
	}
	found := rehydrated(v.store, rows[0], broken[0])
	if found.Lifecycle().Version > 0 {
		return found, nil
	}
	return v.withLastVersion(ctx, rows[0], found.ID())
}

// withLastVersion returns the damaged aggregate of a row, with the last version of its
// history in place of an unreadable one.
func (v *Versioned[I, A, R, E, H]) withLastVersion(ctx context.Context, row R, id I) (A, error) {
	last, err := v.store.lastVersion(ctx, v.entries(id).Model((*H)(nil)))
	v.state.set(&row, "version", int64(last))
	damaged, _ := row.Rehydrate(errUnread) // the damage is noted already
	return damaged, err
}

// loadChunk bounds the ids of one statement.
const loadChunk = 500

// Load returns the aggregates of those ids that exist, in no order.
func (v *Versioned[I, A, R, E, H]) Load(ctx context.Context, ids ...I) ([]A, error) {
	var found []A
	for chunk := range slices.Chunk(ids, loadChunk) {
		q := v.Select().Where("id IN (?)", bun.List(chunk))
		some, err := FindAll[R, A](ctx, v.store, q, len(chunk), "load "+v.mapping.Many)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// ListBy returns a page of the aggregates that narrow selects, of the deleted ones or of
// the others, and the number of all.
func (v *Versioned[I, A, R, E, H]) ListBy(
	ctx context.Context, deleted bool, narrow func(*bun.SelectQuery) *bun.SelectQuery, window scope.Window,
) (versioned.Page[A], error) {
	table := v.state.In(deleted)
	return Listing[R, A]{
		Store: v.store, Query: func() *bun.SelectQuery { return narrow(v.state.From(v.store.NewSelect(), deleted)) },
		Columns: v.state.Selected(), OrderedBy: v.mapping.Order, Size: v.mapping.Size(table),
		Doing: "list " + v.mapping.Many,
	}.Page(ctx, window)
}

// Entry returns the entry that made a version, or Mapping.VersionNotFound.
func (v *Versioned[I, A, R, E, H]) Entry(ctx context.Context, aggregate I, version scope.Version) (E, error) {
	return v.entry(ctx, v.entries(aggregate).Where("version = ?", int64(version)))
}

// EntryAt returns the newest entry made at or before that time, or
// Mapping.VersionNotFound.
func (v *Versioned[I, A, R, E, H]) EntryAt(ctx context.Context, aggregate I, at time.Time) (E, error) {
	return v.entry(ctx, v.entries(aggregate).Where("changed_at <= ?", column.Time(at)).Order("version DESC"))
}

func (v *Versioned[I, A, R, E, H]) entries(aggregate I) *bun.SelectQuery {
	return v.store.NewSelect().Where("? = ?", bun.Ident(v.history.aggregate), int64(aggregate))
}

func (v *Versioned[I, A, R, E, H]) entry(ctx context.Context, q *bun.SelectQuery) (E, error) {
	return FindOne[H, E](ctx, v.store, q, "load a version", v.mapping.VersionNotFound)
}

// Entries returns a page of an aggregate's entries, newest first, and the number of all.
func (v *Versioned[I, A, R, E, H]) Entries(
	ctx context.Context, aggregate I, window scope.Window,
) (versioned.Page[E], error) {
	return Listing[H, E]{
		Store: v.store, Query: func() *bun.SelectQuery { return v.entries(aggregate) },
		OrderedBy: []string{"version"}, Descending: true, Size: v.mapping.EntrySize, Doing: "load a history",
	}.Page(ctx, window)
}
