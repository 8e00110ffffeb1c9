package relay_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// keyed refuses messages with that key of the shop.
func keyed(key string) func(ports.Message) bool {
	return func(m ports.Message) bool { return m.Key == "production/shop/"+key }
}

func TestDrain(t *testing.T) {
	t.Parallel()

	t.Run("changes of the feed are published in order, once", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.drain()
		h.put(fixture.UpdatedConfiguration(1, 1), fixture.UpdatedConfiguration(2, 1), fixture.UpdatedConfiguration(1, 2))
		h.drain()
		h.put(fixture.UpdatedConfiguration(1, 3))
		h.drain()
		assert.Equal(t, []string{"1.1", "2.1", "1.2", "1.3"}, h.arrived())
		assert.Zero(t, h.status().Pending())
	})

	t.Run("events without a revision are not published", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.feed.Put(fixture.UpdatedConfiguration(1, 1))
		h.drain()
		assert.Empty(t, h.arrived())
	})

	t.Run("an unavailable broker stops the relay where it is", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.put(fixture.UpdatedConfiguration(1, 1), fixture.UpdatedConfiguration(2, 1), fixture.UpdatedConfiguration(1, 2))
		h.broker.FailAfter(2)
		n, err := h.relay.Drain(t.Context())
		require.ErrorIs(t, err, ports.ErrBrokerUnavailable)
		assert.Equal(t, 2, n)
		h.clock.Move(time.Minute)
		assert.Equal(t, int64(1), h.status().Pending())
		assert.Equal(t, time.Minute, h.status().OldestAge)
		h.broker.FailAfter(-1)
		h.drain()
		assert.Equal(t, []string{"1.1", "2.1", "1.2"}, h.arrived())
		assert.Zero(t, h.status().OldestAge)
	})

	t.Run("a change whose publication was not stored is published again with its id", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.put(fixture.UpdatedConfiguration(1, 1), fixture.UpdatedConfiguration(1, 2))
		dying := h.another(publishing{h.broker, func() { h.feed.SetDown(true) }})
		_, err := dying.Drain(t.Context())
		require.ErrorIs(t, err, fault.ErrUnavailable)
		h.feed.SetDown(false)
		h.drain()
		assert.Equal(t, []string{"1.1", "1.2", "1.1", "1.2"}, h.arrived())
	})

	t.Run("of two relays one is overtaken", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.put(fixture.UpdatedConfiguration(1, 1))
		slow := h.another(publishing{h.broker, h.drain})
		_, err := slow.Drain(t.Context())
		require.ErrorIs(t, err, ports.ErrOvertaken)
		h.put(fixture.UpdatedConfiguration(1, 2))
		h.drain()
		assert.Equal(t, []string{"1.1", "1.1", "1.2"}, h.arrived())
	})

	t.Run("a cancelled relay publishes nothing", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.put(fixture.UpdatedConfiguration(1, 1))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.relay.Drain(ctx)
		require.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, h.arrived())
	})

	t.Run("changes of unknown types block nothing, and are left to a newer version", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.put(fixture.UpdatedConfiguration(1, 1), fixture.UnknownChange(1, 1), fixture.UpdatedConfiguration(1, 2), fixture.UnknownChange(1, 2), fixture.UpdatedFlag(1, 1))
		h.drain()
		assert.Equal(t, []string{"1.1", "1.2", "f1.1"}, h.arrived())
		assert.Zero(t, h.status().Pending())
		at, err := h.feed.Delivered(t.Context())
		require.NoError(t, err)
		assert.Zero(t, at.Of("quota").Revision, "no replica has published those")
	})
}

func TestTopics(t *testing.T) {
	t.Parallel()
	missing := errors.New("it does not exist")

	t.Run("an unwritable topic is paused alone, is reported, and resumes by itself", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.broker.Close("flags", missing)
		h.put(fixture.UpdatedConfiguration(1, 1), fixture.UpdatedFlag(1, 1), fixture.UpdatedConfiguration(1, 2), fixture.UpdatedFlag(1, 2))
		h.drain()
		h.clock.Move(time.Minute)
		h.put(fixture.UpdatedConfiguration(1, 3), fixture.UpdatedFlag(2, 1))
		h.drain()
		assert.Equal(t, []string{"1.1", "1.2", "1.3"}, h.arrived())
		status := h.status()
		assert.Equal(t, int64(3), status.Pending())
		assert.Equal(t, int64(1), status.Published)
		assert.Equal(t, time.Minute, status.OldestAge)
		assert.Zero(t, status.Parked)
		assert.Equal(t, relay.TopicStatus{
			Topic: "flags", AggregateType: "flag", Published: 1, Pending: 3, OldestAge: time.Minute,
			Reason: "it does not exist", Since: fixture.Noon(),
		}, status.Topics[1])
		assert.Equal(t, "configurations", status.Topics[0].Topic)
		assert.Zero(t, status.Topics[0].Pending)
		conditions := h.relay.Conditions()
		require.Len(t, conditions, 1)
		assert.Equal(t, "topics_not_writable", conditions[0].Name)
		assert.Contains(t, conditions[0].Message, "flags (it does not exist)")
		assert.Equal(t, []string{"flags: topic flags accepts no messages: it does not exist"}, h.topics)

		h.broker.Close("flags", nil)
		h.drain()
		assert.Len(t, h.arrived(), 3, "it is paused")
		h.watch.Move(15 * time.Second)
		h.drain()
		assert.Equal(t, []string{"1.1", "1.2", "1.3", "f1.1", "f1.2", "f2.1"}, h.arrived())
		assert.Zero(t, h.status().Pending())
		assert.Equal(t, h.status().Head, h.status().Published)
		assert.Empty(t, h.relay.Conditions())
		assert.Equal(t, "flags: <nil>", h.topics[1])
		h.put(fixture.UpdatedConfiguration(1, 4), fixture.UpdatedFlag(1, 3))
		h.drain()
		assert.Equal(t, []string{"1.4", "f1.3"}, h.arrived()[6:], "both are read and published together again")
	})

	t.Run("a broker that fails for one topic blocks that one only", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.broker.Close("flags", nil)
		failing := h.another(failingTopic{h.broker, "flags"})
		h.put(fixture.UpdatedFlag(1, 1), fixture.UpdatedConfiguration(1, 1))
		for range 3 {
			_, _ = failing.Drain(t.Context())
			h.put(fixture.UpdatedConfiguration(1, int64(len(h.arrived())+1)))
			_, err := failing.Drain(t.Context())
			require.NoError(t, err, "others go on")
		}
		assert.Equal(t, []string{"1.1", "1.2", "1.3", "1.4"}, h.arrived())
		h.relay = h.another(h.broker)
		h.drain()
		assert.Equal(t, "f1.1", h.arrived()[4])
	})

	t.Run("a parked change of an unwritable topic is retried when it is writable", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.broker.Refuse(keyed("k1"))
		h.put(fixture.UpdatedConfiguration(1, 1), fixture.UpdatedFlag(1, 1))
		h.drain()
		h.broker.Refuse(nil)
		h.broker.Close("configurations", missing)
		require.NoError(t, h.relay.Retry(t.Context(), 1))
		h.put(fixture.UpdatedFlag(1, 2))
		h.drain()
		assert.Equal(t, []string{"f1.1", "f1.2"}, h.arrived())
		assert.Len(t, h.parked(), 1)
		h.broker.Close("configurations", nil)
		h.watch.Move(15 * time.Second)
		h.drain()
		assert.Equal(t, []string{"f1.1", "f1.2", "1.1"}, h.arrived())
		assert.Empty(t, h.parked())
	})
}

// failingTopic is a broker that is unavailable for one topic.
type failingTopic struct {
	ports.Publisher

	topic string
}

func (f failingTopic) Publish(ctx context.Context, messages []ports.Message) []error {
	outcomes := make([]error, len(messages))
	for i, m := range messages {
		if m.Topic == f.topic {
			outcomes[i] = ports.ErrBrokerUnavailable
		} else {
			outcomes[i] = f.Publisher.Publish(ctx, []ports.Message{m})[0]
		}
	}
	return outcomes
}

// publishing does something after it has published.
type publishing struct {
	ports.Publisher

	after func()
}

func (p publishing) Publish(ctx context.Context, messages []ports.Message) []error {
	defer p.after()
	return p.Publisher.Publish(ctx, messages)
}

func TestParking(t *testing.T) {
	t.Parallel()

	refusing := func(t *testing.T) *bench {
		t.Helper()
		h := setup(t)
		h.broker.Refuse(keyed("k1"))
		h.put(fixture.UpdatedConfiguration(1, 1), fixture.UpdatedConfiguration(2, 1), fixture.UpdatedConfiguration(1, 2))
		h.drain()
		h.put(fixture.UpdatedConfiguration(1, 3), fixture.UpdatedConfiguration(2, 2))
		h.drain()
		require.Equal(t, []string{"2.1", "2.2"}, h.arrived())
		require.Equal(t, []ports.Parked{{
			AggregateType: "configuration", AggregateID: 1, Revision: 1,
			Key: "production/shop/k1", Reason: "too large", At: fixture.Noon(),
		}}, h.parked())
		require.Zero(t, h.status().Pending())
		return h
	}

	t.Run("a refused change is parked with those after it of its aggregate, and no others", func(t *testing.T) {
		t.Parallel()
		refusing(t)
	})

	t.Run("a retry publishes all parked changes, in order", func(t *testing.T) {
		t.Parallel()
		h := refusing(t)
		h.broker.Refuse(nil)
		require.NoError(t, h.relay.Retry(t.Context(), 1))
		h.drain()
		h.put(fixture.UpdatedConfiguration(1, 4))
		h.drain()
		assert.Equal(t, []string{"2.1", "2.2", "1.1", "1.2", "1.3", "1.4"}, h.arrived())
		assert.Empty(t, h.parked())
	})

	t.Run("a refused retry is parked again", func(t *testing.T) {
		t.Parallel()
		h := refusing(t)
		h.broker.Refuse(func(m ports.Message) bool { return m.Headers["ce_id"] == "1.2" })
		require.NoError(t, h.relay.Retry(t.Context(), 1))
		h.drain()
		assert.Equal(t, []string{"2.1", "2.2", "1.1"}, h.arrived())
		require.Len(t, h.parked(), 1)
		assert.Equal(t, int64(3), h.parked()[0].Revision)
		assert.False(t, h.parked()[0].RetryRequested)
	})

	t.Run("a skipped change is never published, those parked after it are", func(t *testing.T) {
		t.Parallel()
		h := refusing(t)
		h.broker.Refuse(nil)
		require.NoError(t, h.relay.Skip(t.Context(), 1))
		h.drain()
		assert.Equal(t, []string{"2.1", "2.2", "1.2", "1.3"}, h.arrived())
		assert.Empty(t, h.parked())
	})

	t.Run("a retry continues where the broker became unavailable", func(t *testing.T) {
		t.Parallel()
		h := refusing(t)
		h.broker.Refuse(nil)
		require.NoError(t, h.relay.Retry(t.Context(), 1))
		h.broker.FailAfter(1)
		_, err := h.relay.Drain(t.Context())
		require.ErrorIs(t, err, ports.ErrBrokerUnavailable)
		h.broker.FailAfter(-1)
		h.drain()
		assert.Equal(t, []string{"2.1", "2.2", "1.1", "1.2", "1.3"}, h.arrived())
	})

	t.Run("a long backlog is published in steps", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.broker.Refuse(keyed("k1"))
		var want []string
		for v := range int64(relay.DrainBatch + 10) {
			h.put(fixture.UpdatedConfiguration(1, v+1))
			want = append(want, fmt.Sprintf("1.%d", v+1))
		}
		h.drain()
		h.broker.Refuse(nil)
		require.NoError(t, h.relay.Retry(t.Context(), 1))
		h.drain()
		assert.Equal(t, want, h.arrived())
		assert.Empty(t, h.parked())
	})
}

// delivery is a relay whose broker and topics fail, with what was done to it.
type delivery struct {
	*bench

	// versions are the last ones, by aggregate; skipped are the ids of changes.
	versions map[string]int64
	skipped  map[string]bool
}

func (d delivery) put(rt *rapid.T) {
	id, kind := rapid.Int64Range(1, 3).Draw(rt, "id"), rapid.SampledFrom([]string{"", "f", "q"}).Draw(rt, "kind")
	name := fmt.Sprint(kind, id)
	d.versions[name]++
	change := map[string]func(int64, int64) ports.Change{"": fixture.UpdatedConfiguration, "f": fixture.UpdatedFlag, "q": fixture.UnknownChange}[kind]
	d.bench.put(change(id, d.versions[name]))
}

func (d delivery) retryAll(*rapid.T) {
	for _, p := range d.parked() {
		_ = d.relay.Retry(d.t.Context(), p.Revision)
	}
}

func (d delivery) skipAll(rt *rapid.T) {
	for _, p := range d.parked() {
		waiting, err := d.feed.Changes(d.t.Context(), ports.ChangeQuery{
			After: p.Revision - 1, Limit: 1, AggregateTypes: []string{p.AggregateType}, AggregateID: p.AggregateID,
		})
		require.NoError(rt, err)
		if d.relay.Skip(d.t.Context(), p.Revision) == nil {
			d.skipped[waiting[0].EventID] = true
		}
	}
}

// settle ends all failures, and drains until there is nothing to do.
func (d delivery) settle(rt *rapid.T) {
	d.broker.FailAfter(-1)
	d.broker.Refuse(nil)
	d.broker.Close("configurations", nil)
	d.broker.Close("flags", nil)
	d.retryAll(rt)
	d.watch.Move(time.Minute)
	d.drain()
	require.Empty(rt, d.parked())
	require.Zero(rt, d.status().Pending())
	require.Equal(rt, d.status().Head, d.status().Published)
}

// After failures of any kind and length, of one topic or all, everything is published but
// skipped changes and unknown types; no change of an aggregate is published for the first
// time before an earlier one.
func TestDelivery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := delivery{bench: setup(t), versions: map[string]int64{}, skipped: map[string]bool{}}
		overtaken := d.another(publishing{d.broker, func() { _, _ = d.relay.Drain(t.Context()) }})
		rt.Repeat(map[string]func(*rapid.T){
			"put":            d.put,
			"drain":          func(*rapid.T) { _, _ = d.relay.Drain(t.Context()) },
			"drain together": func(*rapid.T) { _, _ = overtaken.Drain(t.Context()) },
			"go away":        func(rt *rapid.T) { d.broker.FailAfter(rapid.IntRange(0, 3).Draw(rt, "left")) },
			"come back":      func(*rapid.T) { d.broker.FailAfter(-1) },
			"close":          func(*rapid.T) { d.broker.Close("flags", errors.New("missing")) },
			"close another":  func(*rapid.T) { d.broker.Close("configurations", errors.New("not allowed")) },
			"open":           func(*rapid.T) { d.broker.Close("flags", nil) },
			"open another":   func(*rapid.T) { d.broker.Close("configurations", nil) },
			"rest":           func(*rapid.T) { d.watch.Move(2 * time.Second) },
			"refuse": func(rt *rapid.T) {
				d.broker.Refuse(keyed(fmt.Sprint("k", rapid.IntRange(1, 3).Draw(rt, "key"))))
			},
			"take all": func(*rapid.T) { d.broker.Refuse(nil) },
			"retry":    d.retryAll,
			"skip":     d.skipAll,
		})
		d.settle(rt)
		next := map[string]int64{}
		for _, m := range d.broker.Messages() {
			id, text, _ := strings.Cut(m.Headers["ce_id"], ".")
			version, err := strconv.ParseInt(text, 10, 64)
			require.NoError(rt, err)
			for d.skipped[fmt.Sprintf("%s.%d", id, next[id]+1)] && version > next[id]+1 {
				next[id]++
			}
			require.LessOrEqual(rt, version, next[id]+1, "%s came before its time", m.Headers["ce_id"])
			next[id] = max(next[id], version)
		}
		for id, last := range d.versions {
			for d.skipped[fmt.Sprintf("%s.%d", id, next[id]+1)] {
				next[id]++
			}
			if id[0] == 'q' {
				last = 0
			}
			require.Equal(rt, last, next[id], "all of %s was published", id)
		}
	})
}

func TestPurge(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.put(fixture.UpdatedConfiguration(1, 1), fixture.UpdatedConfiguration(1, 2))
	keep := relay.Retention{Age: time.Hour, Rows: 100}
	h.clock.Move(2 * time.Hour)
	n, err := h.relay.Purge(t.Context(), keep)
	require.NoError(t, err)
	assert.Zero(t, n, "nothing was published yet")
	h.drain()
	n, err = h.relay.Purge(t.Context(), relay.Retention{Age: 3 * time.Hour, Rows: 100})
	require.NoError(t, err)
	assert.Zero(t, n)
	n, err = h.relay.Purge(t.Context(), keep)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
}

func TestPurgeOfStreams(t *testing.T) {
	t.Parallel()
	purge := func(h *bench) int {
		h.t.Helper()
		n, err := h.relay.Purge(h.t.Context(), relay.Retention{Age: time.Hour, Rows: 1000})
		require.NoError(h.t, err)
		return n
	}

	t.Run("changes of an unwritable topic, and parked ones, are kept", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.broker.Close("flags", errors.New("missing"))
		h.broker.Refuse(keyed("k2"))
		h.put(fixture.UpdatedConfiguration(1, 1), fixture.UpdatedConfiguration(2, 1), fixture.UpdatedFlag(1, 1), fixture.UpdatedConfiguration(1, 2))
		h.drain()
		h.clock.Move(1000 * time.Hour)
		assert.Equal(t, 1, purge(h), "the second is parked")
		h.broker.Refuse(nil)
		require.NoError(t, h.relay.Retry(t.Context(), 2))
		h.drain()
		assert.Equal(t, 1, purge(h), "the third was not published")
		h.broker.Close("flags", nil)
		h.watch.Move(time.Minute)
		h.drain()
		assert.Equal(t, 2, purge(h))
	})

	t.Run("unclaimed changes are kept for a week longer", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.put(fixture.UpdatedConfiguration(1, 1), fixture.UnknownChange(1, 1), fixture.UpdatedConfiguration(1, 2))
		h.drain()
		h.clock.Move(time.Hour + 7*24*time.Hour)
		assert.Equal(t, 1, purge(h))
		h.clock.Move(time.Microsecond)
		assert.Equal(t, 2, purge(h))
	})

	t.Run("the store's clock decides, not this machine's", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.feed.SetClock(fixture.NewClock())
		h.put(fixture.UpdatedConfiguration(1, 1))
		h.drain()
		h.clock.Move(40 * 24 * time.Hour)
		assert.Zero(t, purge(h))
	})
}
