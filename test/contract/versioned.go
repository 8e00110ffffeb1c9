package contract

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// Aggregate is what the suite of versioned aggregates needs of one.
type Aggregate interface {
	Version() scope.Version
	Deleted() bool
	Lifecycle() scope.Lifecycle
	PendingEvents() []event.Event
}

// VersionedStore is a store of versioned aggregates under test, and how a test makes
// and changes them.
type VersionedStore[A Aggregate] struct {
	AggregateType string
	NotFound      error
	Save          func(ctx context.Context, aggregates ...A) error
	Find          func(ctx context.Context, id int64) (A, error)
	// FindByIdentity returns the aggregate that is stored under the identity of another.
	FindByIdentity func(ctx context.Context, a A) (A, error)
	History        HistoryReader
	// Outbox returns the events of all that was saved, in the order of their ids.
	Outbox func(ctx context.Context) ([]Event, error)
	// FailCommits is nil where no commit can fail.
	FailCommits FailCommits

	ID func(A) int64
	// State returns a value that is equal for equal aggregates.
	State func(A) any
	// Changed reports whether there is anything to save.
	Changed func(A) bool
	// New returns an unsaved aggregate with an identity of that name.
	New func(t *testing.T, name string, stamp scope.Stamp) A
	// Change, Delete and Recreate make at least one version each; texts that differ make
	// states that differ.
	Change   func(a A, text string, stamp scope.Stamp) error
	Delete   func(a A, stamp scope.Stamp) error
	Recreate func(t *testing.T, a A, stamp scope.Stamp)
}

// HistoryReader reads the part of history entries that all modules have.
type HistoryReader struct {
	Entry   func(ctx context.Context, id int64, version scope.Version) (versioned.Entry[int64], error)
	EntryAt func(ctx context.Context, id int64, at time.Time) (versioned.Entry[int64], error)
	// Entries returns a page of entries with the number of all.
	Entries func(t *testing.T, id int64, limit, offset int) ([]versioned.Entry[int64], int)
}

// Versioned tests a store against versioned.Repository and versioned.History, on empty
// stores that fresh returns.
func Versioned[A Aggregate](t *testing.T, fresh func(*testing.T) VersionedStore[A], without Without) {
	t.Helper()
	run(t, slices.Concat(versionedSuite[A](), versionedHistorySuite[A]()), fresh, without)
}

// VersionedBehaviours lists what a port promises whose suite is Versioned, as Behaviours
// does.
func VersionedBehaviours[A Aggregate](port string) []string {
	return names(port, slices.Concat(versionedSuite[A](), versionedHistorySuite[A]()))
}

// versionedSuite is what stores of every versioned aggregate promise.
func versionedSuite[A Aggregate]() []behaviour[VersionedStore[A]] {
	return slices.Concat(versionedSaving[A](), versionedLocking[A](), versionedCommitting[A]())
}

// through adapts a suite to a subject that contains the suite's subject.
func through[S, T any](suite []behaviour[T], of func(S) T) []behaviour[S] {
	list := make([]behaviour[S], len(suite))
	for i, b := range suite {
		list[i] = behaviour[S]{b.name, func(t *testing.T, s S) { b.check(t, of(s)) }}
	}
	return list
}

// Rooted is an aggregate that embeds versioned.Root and has an identity.
type Rooted[I ~int64, N comparable] interface {
	Aggregate
	ID() I
	Identity() N
}

// StoreOf returns the store under test of a repository and a history; how aggregates are
// made and changed is for the caller to add.
func StoreOf[I ~int64, N comparable, Q, E any, A Rooted[I, N]](
	r versioned.Repository[I, N, Q, A], h versioned.History[I, E], entry func(E) versioned.Entry[I],
) VersionedStore[A] {
	return VersionedStore[A]{
		Save: r.Save, ID: func(a A) int64 { return int64(a.ID()) },
		Find:           func(ctx context.Context, id int64) (A, error) { return r.Find(ctx, I(id)) },
		FindByIdentity: func(ctx context.Context, a A) (A, error) { return r.FindByIdentity(ctx, a.Identity()) },
		Changed:        func(a A) bool { return len(a.PendingEvents()) > 0 },
		History:        historyOf(h, entry),
	}
}

func historyOf[I ~int64, E any](h versioned.History[I, E], entry func(E) versioned.Entry[I]) HistoryReader {
	common := func(e E) versioned.Entry[int64] {
		c := entry(e)
		return versioned.Entry[int64]{
			ID: c.ID, AggregateID: int64(c.AggregateID), Version: c.Version, Action: c.Action, Stamp: c.Stamp,
			Damaged: c.Damaged,
		}
	}
	return HistoryReader{
		Entry: func(ctx context.Context, id int64, version scope.Version) (versioned.Entry[int64], error) {
			e, err := h.Entry(ctx, I(id), version)
			return common(e), err
		},
		EntryAt: func(ctx context.Context, id int64, at time.Time) (versioned.Entry[int64], error) {
			e, err := h.EntryAt(ctx, I(id), at)
			return common(e), err
		},
		Entries: func(t *testing.T, id int64, limit, offset int) ([]versioned.Entry[int64], int) {
			t.Helper()
			all, total, err := allEntries(t, h, I(id), limit, offset)
			require.NoError(t, err)
			list := make([]versioned.Entry[int64], len(all))
			for i, e := range all {
				list[i] = common(e)
			}
			return list, total
		},
	}
}

// allEntries returns all parts of a page of a history.
func allEntries[I ~int64, E any](
	t *testing.T, h versioned.History[I, E], id I, limit, offset int,
) ([]E, int, error) {
	t.Helper()
	page, err := h.Entries(t.Context(), id, scope.Window{Limit: limit, Offset: offset})
	all, total := page.Items, page.Total
	for err == nil && page.Next != nil {
		page, err = page.Next(t.Context())
		assert.Equal(t, total, page.Total)
		all = append(all, page.Items...)
	}
	return all, total, err
}

// created returns an unsaved aggregate of that name.
func (s VersionedStore[A]) created(t *testing.T, name string) A {
	t.Helper()
	return s.New(t, name, fixture.Stamp())
}

// saved returns a saved aggregate of that name.
func (s VersionedStore[A]) saved(t *testing.T, name string) A {
	t.Helper()
	a := s.created(t, name)
	s.save(t, a)
	return a
}

func (s VersionedStore[A]) save(t *testing.T, aggregates ...A) {
	t.Helper()
	require.NoError(t, s.Save(t.Context(), aggregates...))
}

// find returns a saved aggregate as it is stored.
func (s VersionedStore[A]) find(t *testing.T, a A) A {
	t.Helper()
	found, err := s.Find(t.Context(), s.ID(a))
	require.NoError(t, err)
	return found
}

// changed returns a saved aggregate as it is stored, with an unsaved change.
func (s VersionedStore[A]) changed(t *testing.T, a A, text string) A {
	t.Helper()
	found := s.find(t, a)
	require.NoError(t, s.Change(found, text, fixture.Stamp()))
	require.True(t, s.Changed(found))
	return found
}

// holdsAs asserts that the store has aggregates as they are.
func (s VersionedStore[A]) holdsAs(t *testing.T, aggregates ...A) {
	t.Helper()
	for _, a := range aggregates {
		found := s.find(t, a)
		assert.Equal(t, s.State(a), s.State(found))
		assert.False(t, s.Changed(a))
		assert.Empty(t, a.PendingEvents())
	}
}

// hasNone asserts that the store has nothing of the identities of aggregates.
func (s VersionedStore[A]) hasNone(t *testing.T, aggregates ...A) {
	t.Helper()
	for _, a := range aggregates {
		_, err := s.FindByIdentity(t.Context(), a)
		require.ErrorIs(t, err, s.NotFound)
	}
}

// events returns the outbox.
func (s VersionedStore[A]) events(t *testing.T) []Event {
	t.Helper()
	events, err := s.Outbox(t.Context())
	require.NoError(t, err)
	return events
}

// hasEventsOf asserts that the outbox has one event for each version of the aggregates,
// and no others.
func (s VersionedStore[A]) hasEventsOf(t *testing.T, aggregates ...A) {
	t.Helper()
	versions := 0
	for _, a := range aggregates {
		versions += int(a.Version())
	}
	assert.Len(t, s.events(t), versions)
}
