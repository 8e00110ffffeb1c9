package contract

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// FedStore is a feed under test, with the store whose changes are in it.
type FedStore struct {
	Feed           ports.Feed
	Deliveries     ports.Deliveries
	Configurations configuration.Repository
}

// Feed holds a feed to ports.Feed, on empty ones that fresh returns.
func Feed(t *testing.T, fresh func(*testing.T) FedStore, without Without) {
	t.Helper()
	run(t, feedSuite(), fresh, without)
}

func feedSuite() []behaviour[FedStore] {
	return []behaviour[FedStore]{
		{"an empty feed has an epoch and nothing else", emptyFeed},
		{"events get their revisions, and keep all their fields", fedFacts},
		{"a step numbers no more than its limit", fedInSteps},
		{"changes are read in pages", fedPages},
		{"a query selects by range, type, aggregate, environment and service", fedParts},
		{"an aggregate's events follow its versions with concurrent writers and sequencers", fedByMany},
		{"a new epoch continues from the last revision", fedEpochs},
		{"a cancelled caller sequences nothing", fedGone},
		{"a listener is notified of revisions until its context ends, if the store can notify", fedListening},
	}
}

// write saves a configuration with that many versions, each in a save of its own.
func (f FedStore) write(t *testing.T, key string, versions int) *configuration.Configuration {
	t.Helper()
	c := fixture.Configuration(t, fixture.Key(key))
	require.NoError(t, f.save(t.Context(), c, drafts(t, versions-1)))
	return c
}

// drafts returns that many different drafts.
func drafts(t *testing.T, n int) []configuration.Draft {
	t.Helper()
	list := make([]configuration.Draft, n)
	for i := range list {
		list[i] = fixture.Draft(t, "another "+strconv.Itoa(i))
	}
	return list
}

// save saves a new configuration, and again with each of the drafts.
func (f FedStore) save(ctx context.Context, c *configuration.Configuration, drafts []configuration.Draft) error {
	err := f.Configurations.Save(ctx, c)
	for _, d := range drafts {
		if err == nil {
			_, err = c.Update(d, fixture.Stamp())
		}
		if err == nil {
			err = f.Configurations.Save(ctx, c)
		}
	}
	return err
}

// sequence numbers at most limit events, and returns how many.
func (f FedStore) sequence(t *testing.T, limit int) int {
	t.Helper()
	n, err := f.Feed.Sequence(t.Context(), limit)
	require.NoError(t, err)
	return n
}

// after returns what follows a revision, which has to be without a gap.
func (f FedStore) after(t *testing.T, revision int64, limit int) []ports.Change {
	t.Helper()
	list, err := f.Feed.Changes(t.Context(), ports.ChangeQuery{After: revision, Limit: limit})
	require.NoError(t, err)
	for i, c := range list {
		require.Equal(t, revision+int64(i)+1, c.Revision)
	}
	return list
}

func (f FedStore) head(t *testing.T) ports.FeedHead {
	t.Helper()
	head, err := f.Feed.Head(t.Context())
	require.NoError(t, err)
	return head
}

func emptyFeed(t *testing.T, f FedStore) {
	head := f.head(t)
	assert.Regexp(t, "^[0-9a-f]{16}$", head.Epoch)
	assert.Zero(t, head.Revision)
	assert.Equal(t, int64(1), head.Oldest)
	assert.Zero(t, f.sequence(t, 10))
	assert.Empty(t, f.after(t, 0, 10))
}

func fedFacts(t *testing.T, f FedStore) {
	c := f.write(t, "a", 2)
	assert.Empty(t, f.after(t, 0, 10), "what has no revision is not in the feed")
	require.Equal(t, 2, f.sequence(t, 10))
	list := f.after(t, 0, 10)
	require.Len(t, list, 2)
	ids := map[string]bool{}
	for i, got := range list {
		ids[got.EventID] = true
		assert.Equal(t, []string{configuration.EventCreated, configuration.EventUpdated}[i], got.EventType)
		assert.Equal(t, configuration.AggregateType, got.AggregateType)
		assert.Equal(t, int64(c.State().ID), got.AggregateID)
		assert.Equal(t, int64(i+1), got.AggregateVersion)
		assert.Equal(t, c.State().Identity.Environment.String(), got.Environment)
		assert.Equal(t, c.State().Identity.Service.String(), got.ServiceName)
		assert.Contains(t, string(got.Data), `"key"`)
		assert.Equal(t, fixture.Stamp().By, got.Actor)
		assert.Equal(t, fixture.Stamp().RequestID, got.RequestID)
		assert.Equal(t, fixture.Stamp().At, got.OccurredAt)
	}
	assert.Len(t, ids, 2)
	assert.Equal(t, ports.FeedHead{Epoch: f.head(t).Epoch, Revision: 2, Oldest: 1}, f.head(t))
	assert.Zero(t, f.sequence(t, 10), "none gets another")
}

func fedInSteps(t *testing.T, f FedStore) {
	f.write(t, "a", 5)
	assert.Equal(t, 2, f.sequence(t, 2))
	assert.Equal(t, int64(2), f.head(t).Revision)
	f.write(t, "b", 1)
	assert.Equal(t, 4, f.sequence(t, 100))
	list := f.after(t, 0, 100)
	require.Len(t, list, 6)
	for i, c := range list[:5] {
		assert.Equal(t, int64(i+1), c.AggregateVersion)
	}
}

func fedPages(t *testing.T, f FedStore) {
	f.write(t, "a", 5)
	f.sequence(t, 10)
	assert.Len(t, f.after(t, 0, 2), 2)
	assert.Len(t, f.after(t, 2, 2), 2)
	assert.Len(t, f.after(t, 4, 2), 1)
	assert.Empty(t, f.after(t, 5, 2))
	assert.Empty(t, f.after(t, 500, 2))
}

func fedParts(t *testing.T, f FedStore) {
	a := f.write(t, "a", 2)
	cart := fixture.Configuration(t, fixture.Key("b"), fixture.In("staging", "cart"))
	require.NoError(t, f.save(t.Context(), cart, drafts(t, 1)))
	require.NoError(t, f.save(t.Context(), a, drafts(t, 2)[1:]))
	require.Equal(t, 5, f.sequence(t, 10))
	mine := []string{configuration.AggregateType}
	for name, row := range map[string]struct {
		q    ports.ChangeQuery
		want []int64
	}{
		"all":               {ports.ChangeQuery{Limit: 10}, []int64{1, 2, 3, 4, 5}},
		"a range":           {ports.ChangeQuery{After: 1, UpTo: 4, Limit: 10}, []int64{2, 3, 4}},
		"a page of a range": {ports.ChangeQuery{After: 1, UpTo: 4, Limit: 2}, []int64{2, 3}},
		"types":             {ports.ChangeQuery{AggregateTypes: append(mine, "flag"), Limit: 3}, []int64{1, 2, 3}},
		"another type":      {ports.ChangeQuery{AggregateTypes: []string{"flag"}, Limit: 10}, nil},
		"an aggregate": {ports.ChangeQuery{
			AggregateTypes: mine, AggregateID: int64(a.State().ID), After: 1, Limit: 10,
		}, []int64{2, 5}},
		"an environment": {ports.ChangeQuery{Environment: "staging", Limit: 10}, []int64{3, 4}},
		"an environment, and a type of any": {ports.ChangeQuery{
			Environment: "staging", Everywhere: mine, Limit: 10,
		}, []int64{1, 2, 3, 4, 5}},
		"an environment, and another type of any": {ports.ChangeQuery{
			Environment: "staging", Everywhere: []string{"service"}, Limit: 10,
		}, []int64{3, 4}},
		"a service":               {ports.ChangeQuery{ServiceName: "cart", Limit: 10}, []int64{3, 4}},
		"a service, further on":   {ports.ChangeQuery{ServiceName: "cart", After: 3, Limit: 10}, []int64{4}},
		"a service of no changes": {ports.ChangeQuery{ServiceName: "mars", Limit: 10}, nil},
		"a service of another environment": {ports.ChangeQuery{
			ServiceName: "cart", Environment: "production", Everywhere: []string{"service"}, Limit: 10,
		}, nil},
	} {
		list, err := f.Feed.Changes(t.Context(), row.q)
		require.NoError(t, err, name)
		var got []int64
		for _, c := range list {
			got = append(got, c.Revision)
		}
		assert.Equal(t, row.want, got, name)
	}
}

func fedByMany(t *testing.T, f FedStore) {
	const writers, versions, sequencers = 8, 10, 3
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writing, numbering sync.WaitGroup
	for w := range writers {
		c, later := fixture.Configuration(t, fixture.Key("k"+strconv.Itoa(w))), drafts(t, versions-1)
		writing.Go(func() {
			if err := f.save(t.Context(), c, later); err != nil {
				t.Errorf("write beside others: %v", err)
			}
		})
	}
	for range sequencers {
		numbering.Go(func() {
			for ctx.Err() == nil {
				if _, err := f.Feed.Sequence(t.Context(), 7); err != nil {
					t.Errorf("sequence beside others: %v", err)
					return
				}
			}
		})
	}
	writing.Wait()
	stop()
	numbering.Wait()
	for f.sequence(t, 100) > 0 {
		continue
	}
	list := f.after(t, 0, 2*writers*versions)
	require.Len(t, list, writers*versions)
	last := map[int64]int64{}
	for _, c := range list {
		require.Equal(t, last[c.AggregateID]+1, c.AggregateVersion)
		last[c.AggregateID] = c.AggregateVersion
	}
}

func fedEpochs(t *testing.T, f FedStore) {
	f.write(t, "a", 1)
	f.sequence(t, 10)
	before := f.head(t)
	epoch, err := f.Feed.BeginEpoch(t.Context())
	require.NoError(t, err)
	assert.Regexp(t, "^[0-9a-f]{16}$", epoch)
	assert.NotEqual(t, before.Epoch, epoch)
	f.write(t, "b", 1)
	f.sequence(t, 10)
	assert.Equal(t, ports.FeedHead{Epoch: epoch, Revision: 2, Oldest: 1}, f.head(t))
}

func fedGone(t *testing.T, f FedStore) {
	f.write(t, "a", 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Feed.Sequence(ctx, 10)
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, f.head(t).Revision)
	assert.Equal(t, 1, f.sequence(t, 10))
}

func fedListening(t *testing.T, f FedStore) {
	ctx, stop := context.WithCancel(t.Context())
	heard, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() {
		ended <- f.Feed.Listen(ctx, func() {
			select {
			case heard <- struct{}{}:
			default:
			}
		})
	}()
	n := 0
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			require.NoError(t, err)
			stop()
			return // a store without notifications
		case <-heard:
			stop()
			require.NoError(t, <-ended)
			return
		case <-tick.C:
			// It may not listen yet: what goes unheard is followed by more.
			n++
			f.write(t, "k"+strconv.Itoa(n), 1)
			f.sequence(t, 10)
		case <-deadline:
			stop()
			t.Fatal("nothing was heard")
		}
	}
}
