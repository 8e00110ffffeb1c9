package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// Deliveries holds a store to ports.Deliveries, on empty ones that fresh returns.
func Deliveries(t *testing.T, fresh func(*testing.T) FedStore, without Without) {
	t.Helper()
	run(t, deliveriesSuite(), fresh, without)
}

func deliveriesSuite() []behaviour[FedStore] {
	return []behaviour[FedStore]{
		{"at the beginning nothing was published and nothing is parked", deliveredNothing},
		{"a step goes on from the present state alone", deliveredOnce},
		{"what is parked comes back whole, ordered by revision", deliveredParked},
		{"what waits of an aggregate is read in order and in pages", deliveredBacklog},
		{"an aggregate waits from a later revision, or no longer", deliveredResumed},
		{"another try is asked for once", deliveredAsked},
		{"what was skipped does not wait", deliveredSkipped},
		{"old changes are forgotten from the beginning, in steps", purgedOld},
		{"more changes than are to be kept are forgotten", purgedMany},
		{"what was not published or is parked is kept", purgedNothing},
	}
}

func (f FedStore) delivered(t *testing.T) ports.Delivered {
	t.Helper()
	d, err := f.Deliveries.Delivered(t.Context())
	require.NoError(t, err)
	return d
}

func (f FedStore) advance(t *testing.T, revision int64, parked ...ports.Parked) {
	t.Helper()
	require.NoError(t, f.Deliveries.Advance(t.Context(), f.delivered(t), revision, parked...))
}

func (f FedStore) backlog(t *testing.T, p ports.Parked, upTo int64, limit int) []int64 {
	t.Helper()
	list, err := f.Deliveries.Backlog(t.Context(), p, upTo, limit)
	require.NoError(t, err)
	var revisions []int64
	for _, c := range list {
		assert.Equal(t, p.AggregateID, c.AggregateID)
		revisions = append(revisions, c.Revision)
	}
	return revisions
}

// parked returns a configuration as it waits.
func parked(c *configuration.Configuration, revision int64) ports.Parked {
	return ports.Parked{
		AggregateType: configuration.AggregateType, AggregateID: int64(c.State().ID), Revision: revision,
		Key: "production/shop/a", Reason: "too large", At: fixture.Noon(),
	}
}

func deliveredNothing(t *testing.T, f FedStore) {
	d := f.delivered(t)
	assert.Zero(t, d.Revision)
	assert.Empty(t, d.Parked)
}

func deliveredOnce(t *testing.T, f FedStore) {
	f.write(t, "a", 3)
	f.sequence(t, 10)
	from := f.delivered(t)
	require.NoError(t, f.Deliveries.Advance(t.Context(), from, 2))
	assert.Equal(t, int64(2), f.delivered(t).Revision)
	assert.NotEqual(t, from.Edition, f.delivered(t).Edition)
	require.ErrorIs(t, f.Deliveries.Advance(t.Context(), from, 3), ports.ErrOvertaken)
	require.ErrorIs(t, f.Deliveries.Advance(t.Context(), from, 3, ports.Parked{AggregateType: "configuration"}),
		ports.ErrOvertaken)
	require.ErrorIs(t, f.Deliveries.Resume(t.Context(), from, ports.Parked{}, nil), ports.ErrOvertaken)
	assert.Equal(t, int64(2), f.delivered(t).Revision)
	assert.Empty(t, f.delivered(t).Parked, "nothing of a step is done that comes too late")
}

func deliveredParked(t *testing.T, f FedStore) {
	a, b := f.write(t, "a", 1), f.write(t, "b", 1)
	f.sequence(t, 10)
	f.advance(t, 2, parked(b, 2), parked(a, 1))
	assert.Equal(t, int64(2), f.delivered(t).Revision)
	assert.Equal(t, []ports.Parked{parked(a, 1), parked(b, 2)}, f.delivered(t).Parked)
}

func deliveredBacklog(t *testing.T, f FedStore) {
	a := f.write(t, "a", 2)
	f.sequence(t, 10)
	f.write(t, "b", 1)
	f.sequence(t, 10)
	require.NoError(t, f.save(t.Context(), a, drafts(t, 3)[1:]))
	f.sequence(t, 10)
	assert.Equal(t, []int64{1, 2, 4, 5}, f.backlog(t, parked(a, 1), 5, 10))
	assert.Equal(t, []int64{2, 4}, f.backlog(t, parked(a, 2), 5, 2))
	assert.Equal(t, []int64{2, 4}, f.backlog(t, parked(a, 2), 4, 10))
	assert.Empty(t, f.backlog(t, parked(a, 6), 5, 10))
}

func deliveredResumed(t *testing.T, f FedStore) {
	a, b := f.write(t, "a", 3), f.write(t, "b", 1)
	f.sequence(t, 10)
	f.advance(t, 4, parked(a, 1), parked(b, 4))
	later := parked(a, 2)
	later.Reason, later.Asked = "still too large", true
	require.NoError(t, f.Deliveries.Resume(t.Context(), f.delivered(t), parked(a, 1), &later))
	assert.Equal(t, []ports.Parked{later, parked(b, 4)}, f.delivered(t).Parked)
	require.NoError(t, f.Deliveries.Resume(t.Context(), f.delivered(t), later, nil))
	assert.Equal(t, []ports.Parked{parked(b, 4)}, f.delivered(t).Parked)
	assert.Equal(t, int64(4), f.delivered(t).Revision)
}

func deliveredAsked(t *testing.T, f FedStore) {
	a := f.write(t, "a", 3)
	f.sequence(t, 10)
	require.ErrorIs(t, f.Deliveries.Ask(t.Context(), 2, false), ports.ErrNotParked)
	f.advance(t, 3, parked(a, 2))
	require.ErrorIs(t, f.Deliveries.Ask(t.Context(), 3, false), ports.ErrNotParked)
	require.NoError(t, f.Deliveries.Ask(t.Context(), 2, false))
	asked := parked(a, 2)
	asked.Asked = true
	assert.Equal(t, []ports.Parked{asked}, f.delivered(t).Parked)
	require.ErrorIs(t, f.Deliveries.Ask(t.Context(), 2, false), ports.ErrNotParked)
	require.ErrorIs(t, f.Deliveries.Ask(t.Context(), 2, true), ports.ErrNotParked)
}

func deliveredSkipped(t *testing.T, f FedStore) {
	a := f.write(t, "a", 3)
	f.sequence(t, 10)
	f.advance(t, 3, parked(a, 2))
	require.NoError(t, f.Deliveries.Ask(t.Context(), 2, true))
	next := f.delivered(t).Parked
	require.Len(t, next, 1)
	assert.True(t, next[0].Asked)
	assert.Equal(t, []int64{3}, f.backlog(t, next[0], 3, 10))
}

// purge forgets at most limit changes, and returns how many.
func (f FedStore) purge(t *testing.T, keep ports.Retention, limit int) int {
	t.Helper()
	n, err := f.Feed.Purge(t.Context(), keep, limit)
	require.NoError(t, err)
	return n
}

func purgedOld(t *testing.T, f FedStore) {
	f.write(t, "a", 5)
	f.sequence(t, 10)
	f.advance(t, 5)
	keep := ports.Retention{Since: fixture.Noon(), Rows: 100}
	assert.Zero(t, f.purge(t, keep, 3), "what has happened since then is kept")
	keep.Since = fixture.Noon().Add(time.Microsecond)
	assert.Equal(t, 3, f.purge(t, keep, 3))
	assert.Equal(t, ports.FeedHead{Epoch: f.head(t).Epoch, Revision: 5, Oldest: 4}, f.head(t))
	assert.Equal(t, 2, f.purge(t, keep, 3))
	assert.Zero(t, f.purge(t, keep, 3))
	assert.Equal(t, ports.FeedHead{Epoch: f.head(t).Epoch, Revision: 5, Oldest: 6}, f.head(t))
	f.write(t, "b", 1)
	f.sequence(t, 10)
	assert.Equal(t, int64(6), f.head(t).Revision)
	assert.Equal(t, int64(6), f.head(t).Oldest)
}

func purgedMany(t *testing.T, f FedStore) {
	f.write(t, "a", 5)
	f.sequence(t, 10)
	f.advance(t, 5)
	keep := ports.Retention{Since: fixture.Noon(), Rows: 2}
	assert.Equal(t, 3, f.purge(t, keep, 10))
	assert.Equal(t, int64(4), f.head(t).Oldest)
	assert.Zero(t, f.purge(t, keep, 10))
}

func purgedNothing(t *testing.T, f FedStore) {
	f.write(t, "x", 2)
	a := f.write(t, "a", 3)
	f.sequence(t, 10)
	all := ports.Retention{Since: fixture.Noon().Add(time.Hour), Rows: 0}
	assert.Zero(t, f.purge(t, all, 10), "nothing was published")
	f.advance(t, 4, parked(a, 3))
	assert.Equal(t, 2, f.purge(t, all, 10), "an aggregate waits from 3 on")
	require.NoError(t, f.Deliveries.Resume(t.Context(), f.delivered(t), parked(a, 3), nil))
	assert.Equal(t, 2, f.purge(t, all, 10), "the fifth was not published")
	assert.Equal(t, int64(5), f.head(t).Oldest)
}
