package relay_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// bench is a relay between a feed and a broker in memory.
type bench struct {
	t      *testing.T
	feed   *fixture.Feed
	broker *fixture.Broker
	clock  *fixture.Clock
	watch  *fixture.Stopwatch
	relay  *relay.Service
	// topics are the calls of TopicChanged.
	topics []string
}

func setup(t *testing.T) *bench {
	t.Helper()
	h := &bench{
		t: t, feed: fixture.NewFeed(), broker: fixture.NewBroker(), clock: fixture.NewClock(), watch: fixture.NewStopwatch(),
	}
	h.feed.SetClock(h.clock)
	h.relay = h.another(h.broker)
	return h
}

// another returns a second relay of the same feed.
func (h *bench) another(p ports.Publisher) *relay.Service {
	return relay.New(relay.Dependencies{
		Feed: h.feed, Deliveries: h.feed, Publisher: p, Clock: h.clock, Stopwatch: h.watch, Source: "/signalbox/test",
		Modules:      fixture.Modules(),
		Topics:       map[string]string{"configuration": "configurations", "flag": "flags", "service": "services"},
		TopicChanged: func(topic string, err error) { h.topics = append(h.topics, fmt.Sprint(topic, ": ", err)) },
	})
}

// put adds changes to the feed.
func (h *bench) put(changes ...ports.Change) {
	h.t.Helper()
	h.feed.Put(changes...)
	n, err := h.feed.Sequence(h.t.Context(), len(changes))
	require.NoError(h.t, err)
	require.Equal(h.t, len(changes), n)
}

// drain makes steps until there is nothing to do.
func (h *bench) drain() {
	h.t.Helper()
	for {
		n, err := h.relay.Drain(h.t.Context())
		require.NoError(h.t, err)
		if n == 0 {
			return
		}
	}
}

// arrived returns the ids of the published messages, in their order.
func (h *bench) arrived() []string {
	var ids []string
	for _, m := range h.broker.Messages() {
		ids = append(ids, m.Headers["ce_id"])
	}
	return ids
}

// parked returns all that is parked.
func (h *bench) parked() []ports.Parked {
	h.t.Helper()
	list, err := h.relay.Parked(h.t.Context(), ports.Parked{})
	require.NoError(h.t, err)
	assert.Equal(h.t, int64(len(list)), h.status().Parked)
	return list
}

func (h *bench) status() relay.Status {
	h.t.Helper()
	status, err := h.relay.Status(h.t.Context())
	require.NoError(h.t, err)
	return status
}
