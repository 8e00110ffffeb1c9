package ports

import (
	"context"
	"fmt"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Message is what is told to others.
type Message struct {
	Topic string
	// Key is what the message is about. Messages with one key keep their order.
	Key string
	// Headers are by name.
	Headers map[string]string
	Body    []byte
}

// Publisher hands messages over to a broker. It is safe for concurrent use.
type Publisher interface {
	// Publish hands messages over and returns, for each, nil when the broker has
	// acknowledged it, a RefusedError when it never will, or why it is unknown whether
	// it has: ErrBrokerUnavailable, and ctx's error when that ends first. Messages with
	// one topic and key go out in their order; after one that failed none of them does,
	// and they fail alike.
	Publish(ctx context.Context, messages []Message) []error
}

// ErrBrokerUnavailable is a broker that cannot be reached, or does not answer.
var ErrBrokerUnavailable = fault.New(fault.Unavailable, "broker_unavailable", "The broker cannot be reached right now.")

// TopicError is a topic that takes no messages, whatever they are: it does not exist,
// or may not be written to. Messages of other topics are not concerned.
type TopicError struct {
	Topic string
	Cause error
}

// Error says why.
func (e TopicError) Error() string {
	return fmt.Sprintf("topic %s takes no messages: %v", e.Topic, e.Cause)
}

// Unwrap returns what the broker said.
func (e TopicError) Unwrap() error { return e.Cause }

// RefusedError is a message that the broker refuses for good, such as one that is too
// large.
type RefusedError struct{ Cause error }

// Error says why.
func (e RefusedError) Error() string {
	return fmt.Sprintf("the broker refuses the message: %v", e.Cause)
}

// Unwrap returns what the broker said.
func (e RefusedError) Unwrap() error { return e.Cause }
