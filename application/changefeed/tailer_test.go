package changefeed_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// replica is a tailer with one subscriber.
type replica struct {
	t     *testing.T
	feed  *fixture.Feed
	tail  *changefeed.Tailer
	watch *fixture.Stopwatch
	// applied are the ids of the events that the subscriber applied; resynced is how often
	// it was resynced.
	applied  []string
	resynced int
	failing  error
	// during is called while the subscriber applies changes.
	during func()
}

func (r *replica) Apply(_ context.Context, changes []ports.Change) error {
	if r.during != nil {
		r.during()
	}
	if r.failing != nil {
		return r.failing
	}
	for _, c := range changes {
		r.applied = append(r.applied, c.EventID)
	}
	return nil
}

func (r *replica) Resync(context.Context) error {
	if r.failing == nil {
		r.resynced++
	}
	return r.failing
}

func emptyReplica(t *testing.T) *replica {
	t.Helper()
	return &replica{t: t, feed: fixture.NewFeed(), watch: fixture.NewStopwatch()}
}

// put adds changes to the feed.
func (r *replica) put(changes ...ports.Change) {
	r.t.Helper()
	r.feed.Put(changes...)
	n, err := r.feed.Sequence(r.t.Context(), len(changes))
	require.NoError(r.t, err)
	require.Equal(r.t, len(changes), n)
}

func newReplica(t *testing.T) *replica {
	t.Helper()
	r := emptyReplica(t)
	r.tail = changefeed.NewTailer(r.feed, fixture.Modules(), r.watch)
	r.tail.Subscribe(r)
	r.step()
	return r
}

// observe watches changes without any right required.
func (r *replica) observe(f changefeed.Filter) *changefeed.Watch {
	return r.tail.Observe(access.Caller{Grants: access.Unrestricted()}, access.ReadHealth, f)
}

// step makes a successful step, and returns how many changes were applied.
func (r *replica) step() int {
	r.t.Helper()
	n, err := r.tail.Step(r.t.Context())
	require.NoError(r.t, err)
	return n
}

// purged is a retention that keeps nothing up to a revision.
func purged(upTo int64) ports.Retention {
	return ports.Retention{Published: map[string]int64{"configuration": upTo, "flag": upTo, "service": upTo}}
}

// search is Since of a watch that requires no rights.
func search(
	ctx context.Context, tail *changefeed.Tailer, revision int64, limit int, f changefeed.Filter,
) ([]*changefeed.Notification, int64, error) {
	w := tail.Observe(fixture.Operator(), access.ReadHealth, f)
	defer w.Close()
	return w.Since(ctx, revision, limit)
}

// since returns the ids of what follows a revision, and how far that goes.
func (r *replica) since(revision int64, limit int, f changefeed.Filter) (ids []string, upTo int64) {
	r.t.Helper()
	list, upTo, err := search(r.t.Context(), r.tail, revision, limit, f)
	require.NoError(r.t, err)
	for _, n := range list {
		ids = append(ids, n.EventID)
	}
	return ids, upTo
}

func TestTail(t *testing.T) {
	t.Parallel()

	t.Run("it begins at the end of the feed, with resynced subscribers", func(t *testing.T) {
		t.Parallel()
		r := emptyReplica(t)
		r.put(fixture.UpdatedConfiguration(1, 1))
		r.tail = changefeed.NewTailer(r.feed, fixture.Modules(), r.watch)
		r.tail.Subscribe(r)
		assert.Greater(t, r.tail.Age(), time.Hour, "before the first step the age is unknown")
		r.failing = fault.ErrUnavailable
		_, err := r.tail.Step(t.Context())
		require.ErrorIs(t, err, fault.ErrUnavailable)
		assert.Empty(t, r.tail.Position().Epoch)
		r.failing = nil
		assert.Zero(t, r.step())
		assert.Equal(t, 1, r.resynced)
		assert.Equal(t, ports.FeedHead{Epoch: "0000000000000001", Revision: 1, Oldest: 1}, r.tail.Position())
		assert.Zero(t, r.tail.Age())
	})

	t.Run("subscribers apply a change before watchers are notified", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		r.put(fixture.UpdatedConfiguration(1, 1), fixture.UpdatedConfiguration(2, 1))
		r.during = func() {
			assert.Zero(t, r.tail.Position().Revision)
			ids, upTo := r.since(0, 10, changefeed.Filter{})
			assert.Empty(t, ids)
			assert.Zero(t, upTo)
		}
		assert.Equal(t, 2, r.step())
		assert.Equal(t, []string{"1.1", "2.1"}, r.applied)
		ids, upTo := r.since(0, 10, changefeed.Filter{})
		assert.Equal(t, []string{"1.1", "2.1"}, ids)
		assert.Equal(t, int64(2), upTo)
		assert.Zero(t, r.step())
	})

	t.Run("a failed subscriber gets the changes again, and the age grows", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		r.put(fixture.UpdatedConfiguration(1, 1))
		r.failing = errors.New("no memory")
		r.watch.Move(time.Second)
		_, err := r.tail.Step(t.Context())
		require.ErrorIs(t, err, r.failing)
		assert.Zero(t, r.tail.Position().Revision)
		assert.Equal(t, time.Second, r.tail.Age())
		r.failing = nil
		r.step()
		assert.Equal(t, []string{"1.1"}, r.applied)
		assert.Zero(t, r.tail.Age())
	})

	t.Run("the age counts from the query, not from its response", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		r.put(fixture.UpdatedConfiguration(1, 1))
		r.during = func() { r.watch.Move(time.Second) }
		r.step()
		assert.Equal(t, time.Second, r.tail.Age())
	})

	t.Run("a tailer before the end of the feed is not fresh", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		for v := range int64(changefeed.ApplyBatch + 1) {
			r.put(fixture.UpdatedConfiguration(1, v+1))
		}
		r.watch.Move(time.Second)
		r.step()
		assert.Equal(t, time.Second, r.tail.Age())
		r.step()
		assert.Zero(t, r.tail.Age())
	})

	t.Run("the age grows while the store is unavailable", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		r.feed.SetDown(true)
		r.watch.Move(5 * time.Second)
		_, err := r.tail.Step(t.Context())
		require.ErrorIs(t, err, fault.ErrUnavailable)
		assert.Equal(t, 5*time.Second, r.tail.Age())
	})

	t.Run("changes of unknown types are applied, counted and reported", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		assert.Empty(t, r.tail.Conditions())
		odd := fixture.UpdatedConfiguration(2, 1)
		odd.Data = []byte(`[1]`)
		r.put(fixture.UpdatedConfiguration(1, 1), fixture.UnknownChange(1, 1), fixture.UnknownChange(2, 1), odd, fixture.UpdatedConfiguration(1, 2))
		r.step()
		assert.Equal(t, int64(5), r.tail.Position().Revision)
		assert.Equal(t, []string{"1.1", "q1.1", "q2.1", "2.1", "1.2"}, r.applied)
		ids, upTo := r.since(0, 10, changefeed.Filter{})
		assert.Len(t, ids, 5)
		assert.Equal(t, int64(5), upTo)
		ids, _ = r.since(0, 10, changefeed.Filter{Environment: "production", ResourceType: configapp.ResourceType})
		assert.Equal(t, []string{"1.1", "2.1", "1.2"}, ids)
		conditions := r.tail.Conditions()
		require.Len(t, conditions, 1)
		assert.Equal(t, "unknown_event_types", conditions[0].Name)
		assert.Equal(t, int64(2), conditions[0].Count)
		assert.Contains(t, conditions[0].Message, "quota")
	})

	t.Run("a new epoch, and compacted changes, resync the subscribers", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		r.put(fixture.UpdatedConfiguration(1, 1))
		r.step()
		_, err := r.feed.BeginEpoch(t.Context())
		require.NoError(t, err)
		r.put(fixture.UpdatedConfiguration(1, 2))
		assert.Zero(t, r.step())
		assert.Equal(t, 2, r.resynced)
		assert.Equal(t, ports.FeedHead{Epoch: "0000000000000002", Revision: 2, Oldest: 1}, r.tail.Position())
		r.put(fixture.UpdatedConfiguration(1, 3), fixture.UpdatedConfiguration(1, 4))
		_, err = r.feed.Purge(t.Context(), purged(4), 3)
		require.NoError(t, err)
		r.step()
		assert.Equal(t, 3, r.resynced)
		assert.Equal(t, []string{"1.1"}, r.applied)
	})
}

func TestSince(t *testing.T) {
	t.Parallel()

	// two returns a replica with changes of all kinds: revisions 1 to 5.
	two := func(t *testing.T) *replica {
		t.Helper()
		r := newReplica(t)
		staging := fixture.UpdatedConfiguration(2, 1)
		staging.Environment, staging.ServiceName = "staging", "cart"
		flag := fixture.UpdatedConfiguration(3, 1)
		flag.EventType, flag.AggregateType, flag.ServiceName, flag.Data = "flag.updated", "flag", "", []byte(`{"name":"f"}`)
		service := fixture.UpdatedConfiguration(4, 1)
		service.EventType, service.AggregateType, service.Environment = "service.updated", "service", ""
		instance := service
		instance.EventID, instance.EventType, instance.Environment = "4.2", "instance.registered", "staging"
		r.put(fixture.UpdatedConfiguration(1, 1), staging, flag, service, instance)
		r.step()
		return r
	}
	rows := []struct {
		name   string
		filter changefeed.Filter
		want   string
	}{
		{"everything", changefeed.Filter{}, "1.1 2.1 3.1 4.1 4.2"},
		{"an environment, and services", changefeed.Filter{Environment: "production"}, "1.1 3.1 4.1 4.2"},
		{"a service", changefeed.Filter{ServiceName: "shop"}, "1.1 4.1 4.2"},
		{"a type", changefeed.Filter{ResourceType: configapp.ResourceType}, "1.1 2.1"},
		{"all of them", changefeed.Filter{Environment: "staging", ServiceName: "cart", ResourceType: "configuration"}, "2.1"},
		{"nothing", changefeed.Filter{Environment: "mars", ResourceType: "configuration"}, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := two(t)
			ids, upTo := r.since(0, 10, row.filter)
			assert.Equal(t, row.want, strings.Join(ids, " "))
			assert.Equal(t, int64(5), upTo, "it was searched to the end")
			if row.want == "" {
				return
			}
			first, upTo := r.since(0, 1, row.filter)
			rest, end := r.since(upTo, 10, row.filter)
			assert.Equal(t, row.want, strings.Join(append(first, rest...), " "))
			assert.Equal(t, int64(5), end)
		})
	}

	t.Run("a watch delivers the changes its caller may read", func(t *testing.T) {
		t.Parallel()
		r := two(t)
		staging, err := scope.ParseEnvironment("staging")
		require.NoError(t, err)
		w, err := r.tail.Watch(access.Caller{Grants: []access.Grant{
			access.AllowIn(scope.Area{Environments: []scope.Environment{staging}}, access.ReadConfiguration), access.Allow(access.ReadFlag),
		}}, changefeed.Filter{})
		require.NoError(t, err)
		defer w.Close()
		list, upTo, err := w.Since(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, list, 2)
		assert.Equal(t, "2.1", list[0].EventID)
		assert.Equal(t, "3.1", list[1].EventID)
		assert.Equal(t, int64(5), upTo)
	})

	t.Run("evicted changes are read from the store", func(t *testing.T) {
		t.Parallel()
		r := two(t)
		late := changefeed.NewTailer(r.feed, fixture.Modules(), r.watch)
		_, err := late.Step(t.Context())
		require.NoError(t, err)
		r.put(fixture.UpdatedConfiguration(1, 2))
		list, upTo, err := search(t.Context(), late, 0, 10, changefeed.Filter{ResourceType: configapp.ResourceType})
		require.NoError(t, err)
		assert.Len(t, list, 2)
		assert.Equal(t, int64(5), upTo, "changes the replica has not applied are not delivered")
		_, err = r.feed.Purge(t.Context(), purged(5), 2)
		require.NoError(t, err)
		_, _, err = search(t.Context(), late, 0, 10, changefeed.Filter{})
		require.ErrorIs(t, err, changefeed.ErrCompacted)
		_, _, err = search(t.Context(), late, 2, 10, changefeed.Filter{})
		require.NoError(t, err)
	})

	t.Run("a selective filter over a long feed makes progress with each query", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		const changes = 50_000
		list := make([]ports.Change, changes)
		for i := range list {
			list[i] = fixture.UpdatedConfiguration(1, int64(i+1))
		}
		list[30_000].ServiceName = "cart"
		r.feed.Put(list...)
		_, err := r.feed.Sequence(t.Context(), changes)
		require.NoError(t, err)
		late := changefeed.NewTailer(r.feed, fixture.Modules(), r.watch)
		_, err = late.Step(t.Context())
		require.NoError(t, err)
		var at int64
		var found []int64
		queries := 0
		for at < changes {
			notifications, upTo, err := search(t.Context(), late, at, 10, changefeed.Filter{ServiceName: "cart"})
			require.NoError(t, err)
			require.Greater(t, upTo, at)
			for _, n := range notifications {
				found = append(found, n.Revision)
			}
			at = upTo
			queries++
		}
		assert.Equal(t, []int64{30_001}, found)
		assert.LessOrEqual(t, queries, 4, "the store filters")
	})

	t.Run("the last changes are cached", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		for v := range int64(5000) {
			r.put(fixture.UpdatedConfiguration(1, v+1))
		}
		for r.step() > 0 {
			continue
		}
		r.feed.SetDown(true)
		ids, _ := r.since(5000-4096, 10_000, changefeed.Filter{})
		assert.Len(t, ids, 4096)
		_, _, err := search(t.Context(), r.tail, 5000-4097, 1, changefeed.Filter{})
		require.ErrorIs(t, err, fault.ErrUnavailable)
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReplica(t)
		r.put(fixture.UpdatedConfiguration(1, 1), fixture.UpdatedConfiguration(1, 2), fixture.UpdatedConfiguration(1, 3))
		r.step()
		_, err := r.feed.Purge(t.Context(), purged(5), 2)
		require.NoError(t, err)
		r.put(fixture.UpdatedConfiguration(1, 4))
		r.step()
		check := func(epoch string, revision int64) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return r.tail.Check(ctx, epoch, revision)
		}
		const epoch = "0000000000000001"
		require.NoError(t, check("", 4))
		require.NoError(t, check(epoch, 2))
		require.ErrorIs(t, check(epoch, 1), changefeed.ErrCompacted)
		require.ErrorIs(t, check("another", 4), changefeed.ErrCompacted)
		require.ErrorIs(t, check("another", 9), changefeed.ErrCompacted)
		require.ErrorIs(t, check(epoch, 5), changefeed.ErrNotReached, "it may exist meanwhile")
		require.ErrorIs(t, check("", 5), changefeed.ErrNotReached)
		var detailed *fault.Error
		require.ErrorAs(t, check("another", 4), &detailed)
		assert.Equal(t, []fault.Detail{
			{Name: "epoch", Value: epoch}, {Name: "oldest", Value: int64(3)}, {Name: "revision", Value: int64(4)},
		}, detailed.Details())

		// Another replica has named a revision that this one is about to apply.
		ahead := make(chan error)
		go func() { ahead <- check(epoch, 5) }()
		synctest.Wait()
		r.put(fixture.UpdatedConfiguration(1, 5))
		r.step()
		require.NoError(t, <-ahead)

		// This replica has been at the end of the feed meanwhile: the revision does not exist.
		go func() { ahead <- check(epoch, 6) }()
		synctest.Wait()
		r.watch.Move(time.Microsecond)
		r.step()
		require.ErrorIs(t, <-ahead, changefeed.ErrFuture)

		// This replica is stale: whether the revision exists is unknown.
		r.watch.Move(3 * time.Second)
		require.ErrorIs(t, check(epoch, 6), changefeed.ErrBehind)
	})
}

func TestWatchRights(t *testing.T) {
	t.Parallel()
	r := newReplica(t)
	rows := []struct {
		name   string
		grants []access.Grant
		filter changefeed.Filter
		want   error
	}{
		{"everything, with any right to read", []access.Grant{access.Allow(access.ReadFlag)}, changefeed.Filter{}, nil},
		{"everything, without one", []access.Grant{access.Allow(access.EvaluateFlag)}, changefeed.Filter{}, access.ErrForbidden},
		{"a type, with its right", []access.Grant{access.Allow(access.ReadService)}, changefeed.Filter{ResourceType: "service"}, nil},
		{"a type, with another right", []access.Grant{access.Allow(access.ReadFlag)}, changefeed.Filter{ResourceType: "service"}, access.ErrForbidden},
		{"a type that does not exist", access.Unrestricted(), changefeed.Filter{ResourceType: "quota"}, fault.ErrInvalid},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			caller := access.Caller{Actor: scope.Actor{KeyID: "1", Name: "tester"}, Grants: row.grants}
			w, err := r.tail.Watch(caller, row.filter)
			require.ErrorIs(t, err, row.want)
			if row.want == nil {
				w.Close()
			}
		})
	}

	t.Run("changes of unknown types are shown to callers with all rights", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		r.put(fixture.UnknownChange(1, 1))
		r.step()
		for n, grants := range [][]access.Grant{access.ReadOnly(), access.Unrestricted()} {
			w, err := r.tail.Watch(access.Caller{Grants: grants}, changefeed.Filter{})
			require.NoError(t, err)
			defer w.Close()
			list, _, err := w.Since(t.Context(), 0, 10)
			require.NoError(t, err)
			assert.Len(t, list, n)
		}
	})
}

func TestWatch(t *testing.T) {
	t.Parallel()

	t.Run("watches are notified of the changes they select, and of a new epoch", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		shop, staging := r.observe(changefeed.Filter{ServiceName: "shop"}), r.observe(changefeed.Filter{Environment: "staging"})
		twin := r.observe(changefeed.Filter{ServiceName: "shop"})
		notified := func() (list []string) {
			for name, w := range map[string]*changefeed.Watch{"shop": shop, "staging": staging, "twin": twin} {
				select {
				case <-w.Notified():
					list = append(list, name)
				default:
				}
			}
			slices.Sort(list)
			return list
		}
		r.put(fixture.UpdatedConfiguration(1, 1), fixture.UpdatedConfiguration(1, 2))
		r.step()
		assert.Equal(t, []string{"shop", "twin"}, notified())
		assert.Empty(t, notified())
		twin.Close()
		r.put(fixture.UpdatedConfiguration(1, 3))
		r.step()
		assert.Equal(t, []string{"shop"}, notified())
		_, err := r.feed.BeginEpoch(t.Context())
		require.NoError(t, err)
		r.step()
		assert.Equal(t, []string{"shop", "staging"}, notified())
	})

	t.Run("watchers that reconnect miss nothing and see nothing twice", func(t *testing.T) {
		t.Parallel()
		r := newReplica(t)
		const watchers, changes = 20, 300
		var watching sync.WaitGroup
		for range watchers {
			watching.Go(func() {
				var at int64
				for at < changes {
					w := r.observe(changefeed.Filter{})
					list, upTo, err := w.Since(t.Context(), at, 7)
					if err != nil {
						t.Errorf("watch from %d: %v", at, err)
						return
					}
					for i, n := range list {
						if n.Revision != at+int64(i)+1 {
							t.Errorf("%d follows %d", n.Revision, at+int64(i))
						}
					}
					if at = upTo; len(list) == 0 {
						<-w.Notified()
					}
					w.Close()
				}
			})
		}
		for v := range int64(changes) {
			r.put(fixture.UpdatedConfiguration(1, v+1))
			r.step()
		}
		watching.Wait()
	})
}
