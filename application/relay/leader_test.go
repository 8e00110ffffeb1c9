package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// freeLeadership elects every caller, and counts.
type freeLeadership struct{ confirmed, resigned int }

func (l *freeLeadership) Confirm(context.Context) (time.Duration, error) {
	l.confirmed++
	return time.Minute, nil
}

func (l *freeLeadership) Resign(context.Context) error {
	l.resigned++
	return nil
}

// leading is a leader of the bench's relay.
type leading struct {
	*bench
	*freeLeadership

	leader *relay.Leader
}

func newLeader(t *testing.T) leading {
	t.Helper()
	l := leading{bench: setup(t), freeLeadership: &freeLeadership{}}
	l.leader = relay.NewLeader(l.relay, l.freeLeadership, l.watch)
	return l
}

// steps makes steps for that long, and returns how often it resigned.
func (l leading) steps(d time.Duration) int {
	before := l.resigned
	for range d / time.Second {
		l.watch.Move(time.Second)
		for {
			more, _ := l.leader.Step(l.t.Context())
			if !more {
				break
			}
		}
	}
	return l.resigned - before
}

func TestLeader(t *testing.T) {
	t.Parallel()

	t.Run("a leader that makes progress, or has nothing to do, stays the leader", func(t *testing.T) {
		t.Parallel()
		l := newLeader(t)
		assert.Zero(t, l.steps(time.Minute))
		l.put(fixture.UpdatedConfiguration(1, 1))
		assert.Zero(t, l.steps(time.Minute))
		assert.Equal(t, []string{"1.1"}, l.arrived())
	})

	t.Run("a leader without progress resigns seldom, and continues where no other is elected", func(t *testing.T) {
		t.Parallel()
		l := newLeader(t)
		l.put(fixture.UpdatedConfiguration(1, 1))
		l.broker.FailAfter(0)
		_, err := l.leader.Step(t.Context())
		require.ErrorIs(t, err, ports.ErrBrokerUnavailable)
		assert.Zero(t, l.steps(9*time.Second))
		assert.Equal(t, 1, l.steps(2*time.Second))
		requested := l.confirmed
		_, err = l.leader.Step(t.Context())
		require.NoError(t, err)
		assert.Equal(t, requested, l.confirmed, "for a moment it does not stand for election")
		assert.Less(t, l.steps(time.Hour), 20, "it does not resign in a loop")
		l.broker.FailAfter(-1)
		l.steps(5 * time.Second)
		assert.Equal(t, []string{"1.1"}, l.arrived())
	})

	t.Run("one unwritable topic is no reason to resign", func(t *testing.T) {
		t.Parallel()
		l := newLeader(t)
		l.broker.Close("flags", assert.AnError)
		l.put(fixture.UpdatedFlag(1, 1))
		assert.Zero(t, l.steps(time.Hour))
	})

	t.Run("unclaimed changes are a reason to resign, until a newer version has published them", func(t *testing.T) {
		t.Parallel()
		l := newLeader(t)
		l.put(fixture.UnknownChange(1, 1), fixture.UpdatedConfiguration(1, 1))
		assert.Positive(t, l.steps(time.Minute))
		assert.Equal(t, []string{"1.1"}, l.arrived())
		at, err := l.feed.Delivered(t.Context())
		require.NoError(t, err)
		require.NoError(t, l.feed.Advance(t.Context(), at, []ports.Stream{{AggregateType: "quota", Revision: 2}}))
		assert.Zero(t, l.steps(time.Hour))
	})
}
