package contract

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/ports"
)

// Broker is a publisher under test, with what is at its other end.
type Broker struct {
	Publisher ports.Publisher
	// Topic is one that exists, and MissingTopic one that does not.
	Topic, MissingTopic string
	// Received returns the first n messages that arrived in Topic; those of one key are
	// in the order of their arrival.
	Received func(t *testing.T, n int) []ports.Message
	// Create makes MissingTopic.
	Create func(t *testing.T)
}

// Publisher holds a publisher to ports.Publisher, on brokers that fresh returns.
func Publisher(t *testing.T, fresh func(*testing.T) Broker, without Without) {
	t.Helper()
	run(t, publisherSuite(), fresh, without)
}

func publisherSuite() []behaviour[Broker] {
	return []behaviour[Broker]{
		{"a message arrives complete", publishedWhole},
		{"publishing no messages succeeds", publishedNothing},
		{"messages of one key keep their order among many", publishedInOrder},
		{"a message that is too large is refused, with those after it of its key, and no others", publishedTooLarge},
		{"a missing topic fails its own messages only, until it exists", publishedNowhere},
		{"a cancelled caller gets an error", publishedByNobody},
	}
}

func (b Broker) message(key string, n int) ports.Message {
	return ports.Message{Topic: b.Topic, Key: key, Body: fmt.Appendf(nil, `{"n":%d}`, n)}
}

func (b Broker) publish(t *testing.T, messages ...ports.Message) []error {
	t.Helper()
	outcomes := b.Publisher.Publish(t.Context(), messages)
	require.Len(t, outcomes, len(messages))
	return outcomes
}

func refused(t *testing.T, err error) {
	t.Helper()
	var refused ports.RefusedError
	require.ErrorAs(t, err, &refused)
	assert.NotEmpty(t, refused.Cause.Error())
}

func publishedWhole(t *testing.T, b Broker) {
	m := b.message("production/shop/größe", 1)
	m.Headers = map[string]string{"ce_id": "an id", "content-type": "application/json", "ce_empty": ""}
	require.NoError(t, b.publish(t, m)[0])
	assert.Equal(t, []ports.Message{m}, b.Received(t, 1))
}

func publishedNothing(t *testing.T, b Broker) {
	assert.Empty(t, b.publish(t))
}

func publishedInOrder(t *testing.T, b Broker) {
	const keys, each = 40, 15
	var messages []ports.Message
	for n := range each {
		for k := range keys {
			messages = append(messages, b.message(fmt.Sprint("key ", k), n))
		}
	}
	for _, half := range [][]ports.Message{messages[:len(messages)/2], messages[len(messages)/2:]} {
		for _, err := range b.publish(t, half...) {
			require.NoError(t, err)
		}
	}
	next := map[string]int{}
	for _, m := range b.Received(t, len(messages)) {
		assert.JSONEq(t, fmt.Sprintf(`{"n":%d}`, next[m.Key]), string(m.Body))
		next[m.Key]++
	}
	assert.Len(t, next, keys)
}

func publishedTooLarge(t *testing.T, b Broker) {
	large := b.message("large", 1)
	large.Body = []byte(strings.Repeat("x", 4<<20))
	outcomes := b.publish(t, b.message("large", 0), large, b.message("large", 2), b.message("small", 0))
	require.NoError(t, outcomes[0])
	refused(t, outcomes[1])
	refused(t, outcomes[2])
	require.NoError(t, outcomes[3])
	require.NoError(t, b.publish(t, b.message("large", 3))[0], "the next time it is as good as any")
	keys := map[string]int{}
	for _, m := range b.Received(t, 3) {
		keys[m.Key]++
	}
	assert.Equal(t, map[string]int{"large": 2, "small": 1}, keys)
}

func publishedNowhere(t *testing.T, b Broker) {
	nowhere := b.message("a", 0)
	nowhere.Topic = b.MissingTopic
	for n := range 2 {
		outcomes := b.publish(t, nowhere, b.message("a", n), nowhere)
		for _, i := range []int{0, 2} {
			var missing ports.TopicError
			require.ErrorAs(t, outcomes[i], &missing)
			assert.Equal(t, b.MissingTopic, missing.Topic)
			assert.NotEmpty(t, missing.Cause.Error())
		}
		require.NoError(t, outcomes[1])
	}
	assert.Len(t, b.Received(t, 2), 2)
	b.Create(t)
	require.Eventually(t, func() bool { return b.publish(t, nowhere)[0] == nil }, patience, 10*time.Millisecond)
}

func publishedByNobody(t *testing.T, b Broker) {
	require.NoError(t, b.publish(t, b.message("a", 0))[0])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range b.Publisher.Publish(ctx, []ports.Message{b.message("a", 1), b.message("b", 1)}) {
		require.ErrorIs(t, err, context.Canceled)
	}
}
