package relay_test

import (
	"context"
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

// keyed refuses what has that key of the shop.
func keyed(key string) func(ports.Message) bool {
	return func(m ports.Message) bool { return m.Key == "production/shop/"+key }
}

func TestDrain(t *testing.T) {
	t.Parallel()

	t.Run("what is in the feed is published in order, once", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.drain()
		h.put(updated(1, 1), updated(2, 1), updated(1, 2))
		h.drain()
		h.put(updated(1, 3))
		h.drain()
		assert.Equal(t, []string{"1.1", "2.1", "1.2", "1.3"}, h.arrived())
		assert.Zero(t, h.status().Pending())
	})

	t.Run("what has no revision is not published", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.feed.Put(updated(1, 1))
		h.drain()
		assert.Empty(t, h.arrived())
	})

	t.Run("a broker that goes away stops the relay where it is", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.put(updated(1, 1), updated(2, 1), updated(1, 2))
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

	t.Run("what was published, but not written down, is published again with its id", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.put(updated(1, 1), updated(1, 2))
		dying := h.another(publishing{h.broker, func() { h.feed.SetDown(true) }})
		_, err := dying.Drain(t.Context())
		require.ErrorIs(t, err, fault.ErrUnavailable)
		h.feed.SetDown(false)
		h.drain()
		assert.Equal(t, []string{"1.1", "1.2", "1.1", "1.2"}, h.arrived())
	})

	t.Run("of two relays one goes on", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.put(updated(1, 1))
		slow := h.another(publishing{h.broker, h.drain})
		_, err := slow.Drain(t.Context())
		require.ErrorIs(t, err, ports.ErrOvertaken)
		h.put(updated(1, 2))
		h.drain()
		assert.Equal(t, []string{"1.1", "1.1", "1.2"}, h.arrived())
	})

	t.Run("who has gone away publishes nothing", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.put(updated(1, 1))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.relay.Drain(ctx)
		require.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, h.arrived())
	})

	t.Run("a change that this version does not know holds everything up, and is named", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		unknown := updated(1, 1)
		unknown.AggregateType = "secret"
		h.put(unknown)
		_, err := h.relay.Drain(t.Context())
		require.ErrorContains(t, err, `read change 1: "secret" is no aggregate of this version`)
	})
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

	refusing := func(t *testing.T) *house {
		t.Helper()
		h := setup(t)
		h.broker.Refuse(keyed("k1"))
		h.put(updated(1, 1), updated(2, 1), updated(1, 2))
		h.drain()
		h.put(updated(1, 3), updated(2, 2))
		h.drain()
		require.Equal(t, []string{"2.1", "2.2"}, h.arrived())
		require.Equal(t, []ports.Parked{{
			AggregateType: "configuration", AggregateID: 1, Revision: 1,
			Key: "production/shop/k1", Reason: "too large", At: fixture.Noon(),
		}}, h.status().Parked)
		require.Zero(t, h.status().Pending())
		return h
	}

	t.Run("a refused change waits with those behind it of its aggregate, and no others", func(t *testing.T) {
		t.Parallel()
		refusing(t)
	})

	t.Run("another try brings all that waits, in order", func(t *testing.T) {
		t.Parallel()
		h := refusing(t)
		h.broker.Refuse(nil)
		require.NoError(t, h.relay.Retry(t.Context(), 1))
		h.drain()
		h.put(updated(1, 4))
		h.drain()
		assert.Equal(t, []string{"2.1", "2.2", "1.1", "1.2", "1.3", "1.4"}, h.arrived())
		assert.Empty(t, h.status().Parked)
	})

	t.Run("another try that is refused waits again", func(t *testing.T) {
		t.Parallel()
		h := refusing(t)
		h.broker.Refuse(func(m ports.Message) bool { return m.Headers["ce_id"] == "1.2" })
		require.NoError(t, h.relay.Retry(t.Context(), 1))
		h.drain()
		assert.Equal(t, []string{"2.1", "2.2", "1.1"}, h.arrived())
		require.Len(t, h.status().Parked, 1)
		assert.Equal(t, int64(3), h.status().Parked[0].Revision)
		assert.False(t, h.status().Parked[0].Asked)
	})

	t.Run("a skipped change is never published, what waits behind it is", func(t *testing.T) {
		t.Parallel()
		h := refusing(t)
		h.broker.Refuse(nil)
		require.NoError(t, h.relay.Skip(t.Context(), 1))
		h.drain()
		assert.Equal(t, []string{"2.1", "2.2", "1.2", "1.3"}, h.arrived())
		assert.Empty(t, h.status().Parked)
	})

	t.Run("a try goes on where the broker went away", func(t *testing.T) {
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

	t.Run("a long backlog goes out in steps", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.broker.Refuse(keyed("k1"))
		var want []string
		for v := range int64(relay.DrainBatch + 10) {
			h.put(updated(1, v+1))
			want = append(want, fmt.Sprintf("1.%d", v+1))
		}
		h.drain()
		h.broker.Refuse(nil)
		require.NoError(t, h.relay.Retry(t.Context(), 1))
		h.drain()
		assert.Equal(t, want, h.arrived())
		assert.Empty(t, h.status().Parked)
	})
}

// Whatever fails: everything is published, but what was skipped; of an aggregate no
// change is published for the first time before an earlier one.
func TestDelivery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := setup(t)
		versions, skipped := map[int64]int64{}, map[string]bool{}
		overtaken := h.another(publishing{h.broker, func() { _, _ = h.relay.Drain(t.Context()) }})
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				id := rapid.Int64Range(1, 4).Draw(rt, "id")
				versions[id]++
				h.put(updated(id, versions[id]))
			},
			"drain":          func(*rapid.T) { _, _ = h.relay.Drain(t.Context()) },
			"drain together": func(*rapid.T) { _, _ = overtaken.Drain(t.Context()) },
			"go away":        func(rt *rapid.T) { h.broker.FailAfter(rapid.IntRange(0, 3).Draw(rt, "left")) },
			"come back":      func(*rapid.T) { h.broker.FailAfter(-1) },
			"refuse": func(rt *rapid.T) {
				h.broker.Refuse(keyed(fmt.Sprint("k", rapid.IntRange(1, 4).Draw(rt, "key"))))
			},
			"take all": func(*rapid.T) { h.broker.Refuse(nil) },
			"retry": func(*rapid.T) {
				for _, p := range h.status().Parked {
					_ = h.relay.Retry(t.Context(), p.Revision)
				}
			},
			"skip": func(rt *rapid.T) {
				for _, p := range h.status().Parked {
					waiting, err := h.feed.Backlog(t.Context(), p, p.Revision, 1)
					require.NoError(rt, err)
					if h.relay.Skip(t.Context(), p.Revision) == nil {
						skipped[waiting[0].EventID] = true
					}
				}
			},
		})
		h.broker.FailAfter(-1)
		h.broker.Refuse(nil)
		for _, p := range h.status().Parked {
			_ = h.relay.Retry(t.Context(), p.Revision)
		}
		h.drain()
		require.Empty(rt, h.status().Parked)
		next := map[string]int64{}
		for _, m := range h.broker.Messages() {
			id, text, _ := strings.Cut(m.Headers["ce_id"], ".")
			version, err := strconv.ParseInt(text, 10, 64)
			require.NoError(rt, err)
			for skipped[fmt.Sprintf("%s.%d", id, next[id]+1)] && version > next[id]+1 {
				next[id]++
			}
			require.LessOrEqual(rt, version, next[id]+1, "%s came before its time", m.Headers["ce_id"])
			next[id] = max(next[id], version)
		}
		for n, last := range versions {
			id := strconv.FormatInt(n, 10)
			for skipped[fmt.Sprintf("%s.%d", id, next[id]+1)] {
				next[id]++
			}
			require.Equal(rt, last, next[id], "all of %s was published", id)
		}
	})
}

func TestPurge(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.put(updated(1, 1), updated(1, 2))
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
