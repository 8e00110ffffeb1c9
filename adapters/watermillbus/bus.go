package watermillbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/signalbox-hq/signalbox/ports"
)

// keyName and headers of a message travel as Watermill's metadata; no header of
// ours has that name.
const keyName = "_signalbox_key"

// Bus publishes through lanes: each sends one message at a time, and the messages
// of one key take one lane. It is safe for concurrent use.
type Bus struct {
	// open connects; it is called until it succeeds, and not at once.
	open func(ctx context.Context) ([]message.Publisher, error)
	// ping asks whether the broker answers; nil where there is none to ask.
	ping func() error
	seed maphash.Seed
	// topics says which topics are to be looked for before they are published to.
	topics topics

	mu    sync.Mutex
	lanes []*lane
}

var _ ports.Publisher = (*Bus)(nil)

// Publish hands messages over, all lanes at once.
func (b *Bus) Publish(ctx context.Context, messages []ports.Message) []error {
	outcomes := make([]error, len(messages))
	lanes, err := b.opened(ctx)
	var wrong map[string]error
	if err == nil {
		wrong, err = b.topics.look(ctx, messages)
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
	for l, places := range b.share(messages, outcomes, len(lanes)) {
		if len(places) == 0 {
			continue
		}
		sending.Go(func() {
			batch := make([]ports.Message, len(places))
			for i, place := range places {
				batch[i] = messages[place]
			}
			for i, err := range lanes[l].publish(ctx, batch) {
				outcomes[places[i]] = err
			}
		})
	}
	sending.Wait()
	b.topics.learn(outcomes)
	return outcomes
}

// opened returns the lanes, after connecting where that is still to do.
func (b *Bus) opened(ctx context.Context) ([]*lane, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lanes != nil {
		return b.lanes, nil
	}
	publishers, err := b.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	for _, p := range publishers {
		b.lanes = append(b.lanes, &lane{publisher: p, turn: make(chan struct{}, 1)})
	}
	return b.lanes, nil
}

// share returns the places of the messages of each lane, without those that have an
// outcome.
func (b *Bus) share(messages []ports.Message, outcomes []error, lanes int) [][]int {
	places := make([][]int, lanes)
	for i, m := range messages {
		if outcomes[i] != nil {
			continue
		}
		l := maphash.String(b.seed, m.Key) % uint64(lanes) //nolint:gosec // lanes are not negative
		places[l] = append(places[l], i)
	}
	return places
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
		return translate("", err)
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
}

// Close ends the connections, after what is being sent.
func (b *Bus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	for _, l := range b.lanes {
		err = errors.Join(err, l.publisher.Close())
	}
	b.lanes = nil
	if err != nil {
		return fmt.Errorf("close the publisher: %w", err)
	}
	return nil
}

// lane sends one message after another.
type lane struct {
	publisher message.Publisher
	// turn is taken by whoever sends.
	turn chan struct{}
}

// publish sends messages. When ctx ends it returns what is known by then, and the
// message that is under way may still arrive.
func (l *lane) publish(ctx context.Context, messages []ports.Message) []error {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return failed(make([]error, len(messages)), 0, unavailable(context.Cause(ctx)))
	}
	outcomes := make(chan error, len(messages))
	go func() {
		defer func() { <-l.turn }()
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

// send sends messages and tells what became of each. After one that failed for a
// reason that is not its own it sends no more of that topic.
func (l *lane) send(ctx context.Context, messages []ports.Message, outcomes chan<- error) {
	// By topic, and by topic and key.
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

// failed gives all outcomes from one on that error.
func failed(outcomes []error, from int, err error) []error {
	for i := from; i < len(outcomes); i++ {
		outcomes[i] = err
	}
	return outcomes
}

func unavailable(err error) error {
	return ports.ErrBrokerUnavailable.WithCause(fmt.Errorf("publish: %w", err))
}

// wrap returns a message as Watermill takes it.
func wrap(m ports.Message) *message.Message {
	wrapped := message.NewMessage(m.Headers["ce_id"], m.Body)
	for name, value := range m.Headers {
		wrapped.Metadata.Set(name, value)
	}
	wrapped.Metadata.Set(keyName, m.Key)
	return wrapped
}
