package watermillbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/signalbox-hq/signalbox/ports"
)

// keyName is the entry of Watermill's metadata that has the key of a message. The other
// entries are its headers; no header has this name.
const keyName = "_signalbox_key"

// Bus publishes through lanes. Each lane sends one message at a time; the key of a message
// selects its lane. It is safe for concurrent use.
type Bus struct {
	// open connects the lanes. The first Publish calls it, and each one until it succeeds.
	open func(ctx context.Context) ([]message.Publisher, error)
	// ping returns nil if the broker answers; ping is nil where there is no broker.
	ping func() error
	seed maphash.Seed
	// topics has the topics that are verified before the next message for them.
	topics topics
	// refused is why the broker refused the last ping's connection; nil if it did not.
	refused atomic.Pointer[string]

	mu     sync.Mutex
	lanes  []*lane
	closed bool
}

var _ ports.Publisher = (*Bus)(nil)

var errClosed = errors.New("the publisher is closed")

// Publish publishes messages, in all lanes concurrently. After Close, messages are
// ports.ErrBrokerUnavailable.
func (b *Bus) Publish(ctx context.Context, messages []ports.Message) []error {
	outcomes := make([]error, len(messages))
	lanes, err := b.opened(ctx)
	var wrong map[string]error
	if err == nil {
		wrong, err = b.topics.verify(ctx, messages)
	}
	if err != nil {
		return failed(outcomes, 0, unavailable(err))
	}
	for i, m := range messages {
		if err := wrong[m.Topic]; err != nil {
			outcomes[i] = ports.TopicError{Topic: m.Topic, Cause: err}
		}
	}
	var sending sync.WaitGroup
	for l, positions := range b.share(messages, outcomes, len(lanes)) {
		if len(positions) == 0 {
			continue
		}
		sending.Go(func() {
			batch := make([]ports.Message, len(positions))
			for i, position := range positions {
				batch[i] = messages[position]
			}
			for i, err := range lanes[l].publish(ctx, batch) {
				outcomes[positions[i]] = err
			}
		})
	}
	sending.Wait()
	b.topics.observe(outcomes)
	return outcomes
}

// opened returns the lanes, and connects them first where that has not succeeded yet.
func (b *Bus) opened(ctx context.Context) ([]*lane, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return nil, errClosed
	case b.lanes != nil:
		return b.lanes, nil
	}
	publishers, err := b.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	for _, p := range publishers {
		b.lanes = append(b.lanes, &lane{publisher: p, lock: make(chan struct{}, 1)})
	}
	return b.lanes, nil
}

// share returns the positions of the messages of each lane, without the messages that
// have an outcome.
func (b *Bus) share(messages []ports.Message, outcomes []error, lanes int) [][]int {
	positions := make([][]int, lanes)
	for i, m := range messages {
		if outcomes[i] != nil {
			continue
		}
		l := maphash.String(b.seed, m.Key) % uint64(lanes) //nolint:gosec // lanes are not negative
		positions[l] = append(positions[l], i)
	}
	return positions
}

// Ping returns nil if the broker answers before ctx ends, else
// ports.ErrBrokerUnavailable.
func (b *Bus) Ping(ctx context.Context) error {
	if b.ping == nil {
		return nil
	}
	answered := make(chan error, 1)
	go func() { answered <- b.ping() }()
	select {
	case err := <-answered:
		b.refused.Store(nil)
		if why := refusal(err); why != nil {
			b.refused.Store(new(why.Error()))
			return unavailable(why)
		}
		return translate("", err)
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
}

// Conditions returns "kafka_connection_refused" while the broker refuses connections: for
// their security protocol, a certificate or the login.
func (b *Bus) Conditions() []ports.Condition {
	reason := b.refused.Load()
	if reason == nil {
		return nil
	}
	return []ports.Condition{{Name: "kafka_connection_refused", Part: "kafka", Message: *reason}}
}

// Close waits for in-flight messages, also those for which no caller waits any more, and
// closes the connections. Where ctx ends before a message has an outcome, its connection is
// left open, and Close returns why.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	lanes := b.lanes
	b.lanes, b.closed = nil, true
	b.mu.Unlock()
	var err error
	for _, l := range lanes {
		err = errors.Join(err, l.close(ctx))
	}
	if err != nil {
		return fmt.Errorf("close the publisher: %w", err)
	}
	return nil
}

// lane sends one message after another.
type lane struct {
	publisher message.Publisher
	// lock has one element while a batch is sent; a channel, since waiting ends with ctx.
	lock chan struct{}
}

// publish sends messages. When ctx ends it returns the outcomes known by then; the
// in-flight message may still be delivered.
func (l *lane) publish(ctx context.Context, messages []ports.Message) []error {
	select {
	case l.lock <- struct{}{}:
	case <-ctx.Done():
		return failed(make([]error, len(messages)), 0, unavailable(context.Cause(ctx)))
	}
	outcomes := make(chan error, len(messages))
	go func() {
		defer func() { <-l.lock }()
		l.send(ctx, messages, outcomes)
	}()
	list := make([]error, len(messages))
	for i := range messages {
		select {
		case list[i] = <-outcomes:
		case <-ctx.Done():
			return failed(list, i, unavailable(context.Cause(ctx)))
		}
	}
	return list
}

// close closes the connection when nothing is in flight: a message that is being sent
// needs it. Nothing can be published after that.
func (l *lane) close(ctx context.Context) error {
	select {
	case l.lock <- struct{}{}:
		return l.publisher.Close() //nolint:wrapcheck // Bus.Close wraps it
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
}

// send sends messages and reports the outcome of each. After a failure that does not
// concern one message alone it sends no further messages of that topic.
func (l *lane) send(ctx context.Context, messages []ports.Message, outcomes chan<- error) {
	// failures is by topic, refused by topic and key.
	failures, refused := map[string]error{}, map[string]error{}
	for _, m := range messages {
		err := cmp.Or(failures[m.Topic], refused[m.Topic+" "+m.Key])
		if err == nil && ctx.Err() != nil {
			err = unavailable(context.Cause(ctx))
		}
		if err == nil {
			err = translate(m.Topic, l.publisher.Publish(m.Topic, wrap(m)))
			if _, isRefused := errors.AsType[ports.RefusedError](err); isRefused {
				refused[m.Topic+" "+m.Key] = err
			} else {
				failures[m.Topic] = err
			}
		}
		outcomes <- err
	}
}

// failed sets all outcomes from an index on to err.
func failed(outcomes []error, from int, err error) []error {
	for i := from; i < len(outcomes); i++ {
		outcomes[i] = err
	}
	return outcomes
}

func unavailable(err error) error {
	return ports.ErrBrokerUnavailable.WithCause(fmt.Errorf("publish: %w", err))
}

// wrap converts a message to Watermill's type.
func wrap(m ports.Message) *message.Message {
	wrapped := message.NewMessage(m.Headers["ce_id"], m.Body)
	for name, value := range m.Headers {
		wrapped.Metadata.Set(name, value)
	}
	wrapped.Metadata.Set(keyName, m.Key)
	return wrapped
}
