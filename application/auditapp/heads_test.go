package auditapp_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// headsOf returns the heads of a log, recorded in a list.
func headsOf(b bundle, publisher ports.Publisher) (h *auditapp.Heads, recorded *[]int64) {
	recorded = &[]int64{}
	return auditapp.NewHeads(auditapp.HeadsDependencies{
		Trail: b.trail, Clock: b.clock, Publisher: publisher, Topic: "audit-heads", Source: "/signalbox/test", Every: time.Hour,
		Record: func(e audit.Extent) { *recorded = append(*recorded, e.End.Sequence) },
	}), recorded
}

func TestHeads(t *testing.T) {
	t.Parallel()
	b, broker := filled(t, 3), fixture.NewBroker()
	h, recorded := headsOf(b, broker)
	for range 3 {
		require.NoError(t, h.Step(t.Context()))
		b.clock.Move(time.Hour - time.Second)
		require.NoError(t, h.Step(t.Context()))
		b.clock.Move(time.Second)
	}
	assert.Equal(t, []int64{3, 3, 3}, *recorded)
	messages := broker.Messages()
	require.Len(t, messages, 3)
	m, extent := messages[0], mustExtent(t, b)
	assert.Equal(t, []string{"audit-heads", "/signalbox/test"}, []string{m.Topic, m.Key})
	assert.JSONEq(t, `{"at": "2026-11-23T12:00:03Z", "sequence": 3, "start_sequence": 0, "source": "/signalbox/test", "hash": "`+
		extent.End.Text()+`"}`, string(m.Body))
	assert.Equal(t, extent.End.Text(), m.Headers["ce_id"])
	assert.Equal(t, "audit.head", m.Headers["ce_type"])
}

func mustExtent(t *testing.T, b bundle) audit.Extent {
	t.Helper()
	extent, err := b.trail.Extent(t.Context())
	require.NoError(t, err)
	return extent
}

// TestHeadsAgain publishes again what has failed, and does not log it again.
func TestHeadsAgain(t *testing.T) {
	t.Parallel()
	b, broker := filled(t, 1), fixture.NewBroker()
	h, recorded := headsOf(b, broker)
	b.trail.Fail(true)
	require.ErrorIs(t, h.Step(t.Context()), fault.ErrUnavailable)
	b.trail.Fail(false)
	broker.FailAfter(0)
	for range 2 {
		require.ErrorIs(t, h.Step(t.Context()), ports.ErrBrokerUnavailable)
	}
	broker.FailAfter(-1)
	require.NoError(t, h.Step(t.Context()))
	require.NoError(t, h.Step(t.Context()))
	assert.Len(t, broker.Messages(), 1)
	assert.Equal(t, []int64{1}, *recorded)

	alone, recorded := headsOf(b, nil)
	require.NoError(t, alone.Step(t.Context()))
	assert.Equal(t, []int64{1}, *recorded, "without a broker")
}

// creating is a broker that creates a topic after the first message for it.
type creating struct{ *fixture.Broker }

func (c creating) Publish(ctx context.Context, messages []ports.Message) []error {
	defer c.Close("audit-heads", nil)
	return c.Broker.Publish(ctx, messages)
}

func TestHeadsOfAMissingTopic(t *testing.T) {
	t.Parallel()
	b, broker := filled(t, 1), fixture.NewBroker()
	broker.Close("audit-heads", assert.AnError)
	h, _ := headsOf(b, creating{broker})
	require.NoError(t, h.Step(t.Context()))
	assert.Len(t, broker.Messages(), 1)
	broker.Close("audit-heads", assert.AnError)
	h, _ = headsOf(b, broker)
	require.ErrorAs(t, h.Step(t.Context()), &ports.TopicError{})
}
