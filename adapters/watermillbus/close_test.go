package watermillbus_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/watermillbus"
	"github.com/signalbox-hq/signalbox/ports"
)

// slowPublisher sends a message when it may, and notes a connection that is closed meanwhile.
type slowPublisher struct {
	begun, may chan struct{}
	sending    atomic.Bool
	closed     atomic.Bool
	torn       atomic.Bool
}

func (p *slowPublisher) Publish(string, ...*message.Message) error {
	p.sending.Store(true)
	defer p.sending.Store(false)
	close(p.begun)
	<-p.may
	return nil
}

func (p *slowPublisher) Close() error {
	p.closed.Store(true)
	p.torn.Store(p.sending.Load())
	return nil
}

// abandoned returns a bus with a message in flight, for which no caller waits any more.
func abandoned(t *testing.T) (*watermillbus.Bus, *slowPublisher) {
	t.Helper()
	p := &slowPublisher{begun: make(chan struct{}), may: make(chan struct{})}
	bus := watermillbus.OpenForTest(p)
	ctx, cancel := context.WithCancel(t.Context())
	outcomes := make(chan []error)
	go func() { outcomes <- bus.Publish(ctx, []ports.Message{{Topic: "t", Key: "k"}}) }()
	<-p.begun
	cancel()
	require.ErrorIs(t, (<-outcomes)[0], ports.ErrBrokerUnavailable)
	return bus, p
}

func TestCloseWaitsForAbandonedMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus, p := abandoned(t)
		closed := make(chan error)
		go func() { closed <- bus.Close(t.Context()) }()
		synctest.Wait()
		require.False(t, p.closed.Load(), "a message is in flight")
		close(p.may)
		require.NoError(t, <-closed)
		assert.True(t, p.closed.Load())
		assert.False(t, p.torn.Load())
		outcomes := bus.Publish(t.Context(), []ports.Message{{Topic: "t", Key: "k"}})
		require.ErrorIs(t, outcomes[0], ports.ErrBrokerUnavailable, "it is closed")
	})
}

func TestCloseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus, p := abandoned(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, bus.Close(ctx), ports.ErrBrokerUnavailable)
		assert.False(t, p.closed.Load(), "the message needs its connection")
		close(p.may)
	})
}
