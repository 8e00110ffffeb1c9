package ports

import (
	"context"
	"fmt"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Message is a message for a broker.
type Message struct {
	Topic string
	// Key identifies the resource. Messages with one key keep their order.
	Key string
	// Headers are by name.
	Headers map[string]string
	Body    []byte
}

// Publisher publishes messages to a broker. It is safe for concurrent use.
type Publisher interface {
	// Publish publishes messages and returns, for each, nil when the broker has
	// acknowledged it, a RefusedError when it never will, a TopicError, or, where the
	// outcome is unknown, ErrBrokerUnavailable or ctx's error. Messages with one topic and
	// key are published in their order; after one that failed none of them is, and they
	// fail alike.
	Publish(ctx context.Context, messages []Message) []error
}

// ErrBrokerUnavailable is a broker that cannot be reached, or does not answer.
var ErrBrokerUnavailable = fault.New(fault.Unavailable, "broker_unavailable", "The broker cannot be reached right now.")

// TopicError is a topic that accepts no messages at all: it does not exist, or is not
// writable. It does not concern messages of other topics.
type TopicError struct {
	Topic string
	Cause error
}

// Error returns the reason.
func (e TopicError) Error() string {
	return fmt.Sprintf("topic %s accepts no messages: %v", e.Topic, e.Cause)
}

// Unwrap returns the error of the broker.
func (e TopicError) Unwrap() error { return e.Cause }

// RefusedError is a message that the broker refuses permanently, such as one that is too
// large.
type RefusedError struct{ Cause error }

// Error returns the reason.
func (e RefusedError) Error() string {
	return fmt.Sprintf("the broker refuses the message: %v", e.Cause)
}

// Unwrap returns the error of the broker.
func (e RefusedError) Unwrap() error { return e.Cause }
