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
		{"a step continues from the present state only", deliveredOnce},
		{"streams move independently, and come back complete", deliveredStreams},
		{"the pending changes of a stream are counted", deliveredPending},
		{"parked aggregates come back complete, ordered by revision", deliveredParked},
		{"parked aggregates are selected by type, id and requested retry, in pages", deliveredParkedPages},
		{"an aggregate is parked at a later revision, or no longer", deliveredResumed},
		{"a retry is requested once", deliveredRetry},
		{"a skipped change is no longer parked", deliveredSkipped},
		{"old changes are purged from the beginning, in steps", purgedOld},
		{"unclaimed changes are kept longer, but not forever", purgedUnclaimed},
		{"changes beyond the retained rows are purged", purgedMany},
		{"unpublished changes are kept", purgedNothing},
	}
}

func (f FedStore) delivered(t *testing.T) ports.Delivered {
	t.Helper()
	d, err := f.Deliveries.Delivered(t.Context())
	require.NoError(t, err)
	return d
}

// listParked returns all that is parked.
func (f FedStore) listParked(t *testing.T) []ports.Parked {
	t.Helper()
	list, err := f.Deliveries.Parked(t.Context(), ports.ParkedQuery{Limit: 100})
	require.NoError(t, err)
	count, err := f.Deliveries.CountParked(t.Context())
	require.NoError(t, err)
	require.Equal(t, count, int64(len(list)))
	require.Equal(t, count > 0, f.delivered(t).HasParked)
	return list
}

// advance moves the configurations to a revision.
func (f FedStore) advance(t *testing.T, revision int64, parked ...ports.Parked) {
	t.Helper()
	require.NoError(t, f.Deliveries.Advance(t.Context(), f.delivered(t), configurationsAt(revision), parked...))
}

// configurationsAt returns the stream of configurations at a revision.
func configurationsAt(revision int64) []ports.Stream {
	return []ports.Stream{{AggregateType: configuration.AggregateType, Revision: revision}}
}

// at returns the position of the stream of configurations.
func (f FedStore) at(t *testing.T) int64 {
	t.Helper()
	return f.delivered(t).Of(configuration.AggregateType).Revision
}

// parked returns a configuration that is parked at a revision.
func parked(c *configuration.Configuration, revision int64) ports.Parked {
	return ports.Parked{
		AggregateType: configuration.AggregateType, AggregateID: int64(c.State().ID), Revision: revision,
		Key: "production/shop/a", Reason: "too large", At: fixture.Noon(),
	}
}

func deliveredNothing(t *testing.T, f FedStore) {
	d := f.delivered(t)
	assert.Zero(t, f.at(t))
	assert.Equal(t, ports.Stream{AggregateType: "another"}, d.Of("another"))
	assert.False(t, d.HasParked)
	assert.Empty(t, f.listParked(t))
}

func deliveredOnce(t *testing.T, f FedStore) {
	f.write(t, "a", 3)
	f.sequence(t, 10)
	from := f.delivered(t)
	require.NoError(t, f.Deliveries.Advance(t.Context(), from, configurationsAt(2)))
	assert.Equal(t, int64(2), f.at(t))
	assert.NotEqual(t, from.Edition, f.delivered(t).Edition)
	require.ErrorIs(t, f.Deliveries.Advance(t.Context(), from, configurationsAt(3)), ports.ErrOvertaken)
	require.ErrorIs(t, f.Deliveries.Advance(t.Context(), from, nil, ports.Parked{AggregateType: "configuration"}),
		ports.ErrOvertaken)
	require.ErrorIs(t, f.Deliveries.Resume(t.Context(), from, ports.Parked{}, nil), ports.ErrOvertaken)
	assert.Equal(t, int64(2), f.at(t))
	assert.Empty(t, f.listParked(t), "an overtaken step changes nothing")
}

func deliveredStreams(t *testing.T, f FedStore) {
	waiting := ports.Stream{AggregateType: "flag", Revision: 1, Reason: "it does not exist", Since: fixture.Noon()}
	newer := ports.Stream{AggregateType: "made by a newer version", Revision: 7}
	require.NoError(t, f.Deliveries.Advance(t.Context(), f.delivered(t),
		append(configurationsAt(3), waiting, newer)))
	f.advance(t, 4)
	d := f.delivered(t)
	assert.Equal(t, configurationsAt(4)[0], d.Of(configuration.AggregateType))
	assert.Equal(t, waiting, d.Of("flag"))
	assert.Equal(t, newer, d.Of(newer.AggregateType))
	assert.IsIncreasing(t, streamNames(d))
	resumed := ports.Stream{AggregateType: "flag", Revision: 2}
	require.NoError(t, f.Deliveries.Advance(t.Context(), d, []ports.Stream{resumed}))
	assert.Equal(t, resumed, f.delivered(t).Of("flag"))
	assert.Equal(t, int64(4), f.at(t))
}

func streamNames(d ports.Delivered) (names []string) {
	for _, s := range d.Streams {
		names = append(names, s.AggregateType)
	}
	return names
}

func deliveredPending(t *testing.T, f FedStore) {
	f.write(t, "a", 3)
	f.sequence(t, 10)
	pending := func(of ports.Stream) ports.Pending {
		t.Helper()
		p, err := f.Deliveries.Pending(t.Context(), of)
		require.NoError(t, err)
		return p
	}
	assert.Equal(t, ports.Pending{Count: 2, Oldest: fixture.Noon()}, pending(configurationsAt(1)[0]))
	assert.Zero(t, pending(configurationsAt(3)[0]))
	assert.Zero(t, pending(ports.Stream{AggregateType: "flag"}))
}

func deliveredParked(t *testing.T, f FedStore) {
	a, b := f.write(t, "a", 1), f.write(t, "b", 1)
	f.sequence(t, 10)
	f.advance(t, 2, parked(b, 2), parked(a, 1))
	assert.Equal(t, int64(2), f.at(t))
	assert.Equal(t, []ports.Parked{parked(a, 1), parked(b, 2)}, f.listParked(t))
}

func deliveredParkedPages(t *testing.T, f FedStore) {
	var all []ports.Parked
	for i := range int64(5) {
		all = append(all, ports.Parked{
			AggregateType: []string{"configuration", "flag"}[i%2], AggregateID: i + 1, Revision: 10 + i/2,
			Key: "k", Reason: "too large", At: fixture.Noon(),
		})
	}
	f.advance(t, 20, all...)
	require.NoError(t, f.Deliveries.RequestRetry(t.Context(), 12, false))
	all[4].RetryRequested = true
	list := func(q ports.ParkedQuery) []ports.Parked {
		t.Helper()
		found, err := f.Deliveries.Parked(t.Context(), q)
		require.NoError(t, err)
		return found
	}
	var paged []ports.Parked
	for page := list(ports.ParkedQuery{Limit: 2}); len(page) > 0; {
		require.LessOrEqual(t, len(page), 2)
		paged = append(paged, page...)
		page = list(ports.ParkedQuery{Limit: 2, After: page[len(page)-1]})
	}
	assert.Equal(t, all, paged)
	assert.Equal(t, all[4:], list(ports.ParkedQuery{Limit: 9, RetryRequested: true}))
	assert.Empty(t, list(ports.ParkedQuery{Limit: 9, RetryRequested: true, AggregateTypes: []string{"flag"}}))
	assert.Equal(t, []ports.Parked{all[1], all[3]}, list(ports.ParkedQuery{Limit: 9, AggregateTypes: []string{"flag"}}))
	assert.Equal(t, []ports.Parked{all[0], all[4]}, list(ports.ParkedQuery{
		Limit: 9, AggregateTypes: []string{"configuration"}, AggregateIDs: []int64{1, 2, 5},
	}))
}

func deliveredResumed(t *testing.T, f FedStore) {
	a, b := f.write(t, "a", 3), f.write(t, "b", 1)
	f.sequence(t, 10)
	f.advance(t, 4, parked(a, 1), parked(b, 4))
	later := parked(a, 2)
	later.Reason, later.RetryRequested = "still too large", true
	require.NoError(t, f.Deliveries.Resume(t.Context(), f.delivered(t), parked(a, 1), &later))
	assert.Equal(t, []ports.Parked{later, parked(b, 4)}, f.listParked(t))
	require.NoError(t, f.Deliveries.Resume(t.Context(), f.delivered(t), later, nil))
	assert.Equal(t, []ports.Parked{parked(b, 4)}, f.listParked(t))
	assert.Equal(t, int64(4), f.at(t))
}

func deliveredRetry(t *testing.T, f FedStore) {
	a := f.write(t, "a", 3)
	f.sequence(t, 10)
	require.ErrorIs(t, f.Deliveries.RequestRetry(t.Context(), 2, false), ports.ErrNotParked)
	f.advance(t, 3, parked(a, 2))
	require.ErrorIs(t, f.Deliveries.RequestRetry(t.Context(), 3, false), ports.ErrNotParked)
	require.NoError(t, f.Deliveries.RequestRetry(t.Context(), 2, false))
	requested := parked(a, 2)
	requested.RetryRequested = true
	assert.Equal(t, []ports.Parked{requested}, f.listParked(t))
	require.ErrorIs(t, f.Deliveries.RequestRetry(t.Context(), 2, false), ports.ErrNotParked)
	require.ErrorIs(t, f.Deliveries.RequestRetry(t.Context(), 2, true), ports.ErrNotParked)
}

func deliveredSkipped(t *testing.T, f FedStore) {
	a := f.write(t, "a", 3)
	f.sequence(t, 10)
	f.advance(t, 3, parked(a, 2))
	require.NoError(t, f.Deliveries.RequestRetry(t.Context(), 2, true))
	next := f.listParked(t)
	require.Len(t, next, 1)
	assert.True(t, next[0].RetryRequested)
	assert.Equal(t, int64(3), next[0].Revision)
}

// purge deletes at most limit changes, and returns how many.
func (f FedStore) purge(t *testing.T, keep ports.Retention, limit int) int {
	t.Helper()
	n, err := f.Feed.Purge(t.Context(), keep, limit)
	require.NoError(t, err)
	return n
}

// The changes of these tests are older than moment, and younger than ever.
const (
	moment = time.Microsecond
	ever   = 100 * 365 * 24 * time.Hour
)

// published returns a retention that keeps what is younger, or follows a revision.
func published(upTo int64, age time.Duration, rows int64) ports.Retention {
	return ports.Retention{Age: age, Rows: rows, Published: map[string]int64{configuration.AggregateType: upTo}}
}

func purgedOld(t *testing.T, f FedStore) {
	f.write(t, "a", 5)
	f.sequence(t, 10)
	assert.Zero(t, f.purge(t, published(5, ever, 100), 3), "what is younger is kept")
	keep := published(5, moment, 100)
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
	keep := published(5, ever, 2)
	assert.Equal(t, 3, f.purge(t, keep, 10))
	assert.Equal(t, int64(4), f.head(t).Oldest)
	assert.Zero(t, f.purge(t, keep, 10))
}

func purgedNothing(t *testing.T, f FedStore) {
	f.write(t, "a", 5)
	f.sequence(t, 10)
	assert.Zero(t, f.purge(t, published(0, moment, 0), 10))
	assert.Equal(t, 2, f.purge(t, published(2, moment, 0), 10))
	assert.Equal(t, int64(3), f.head(t).Oldest)
}

func purgedUnclaimed(t *testing.T, f FedStore) {
	f.write(t, "a", 2)
	f.sequence(t, 10)
	assert.Zero(t, f.purge(t, ports.Retention{Age: moment, Unclaimed: ever}, 10), "however many there are")
	assert.Equal(t, 2, f.purge(t, ports.Retention{Age: moment, Unclaimed: moment}, 10))
}
