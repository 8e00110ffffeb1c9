package watermillbus

import (
	"context"
	"fmt"
	"hash/maphash"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/signalbox-hq/signalbox/ports"
)

// Local publishes to subscribers in this process. A message without subscribers is
// acknowledged at once and discarded.
type Local struct {
	*Bus

	channel *gochannel.GoChannel
}

// OpenLocal returns a publisher without subscribers.
func OpenLocal() *Local {
	channel := gochannel.NewGoChannel(gochannel.Config{BlockPublishUntilSubscriberAck: true}, watermill.NopLogger{})
	return &Local{channel: channel, Bus: &Bus{
		seed: maphash.MakeSeed(),
		open: func(context.Context) ([]message.Publisher, error) { return []message.Publisher{channel}, nil },
	}}
}

// Subscribe returns the messages published to a topic from now on, until ctx ends. A
// subscriber that does not receive blocks the publisher.
func (l *Local) Subscribe(ctx context.Context, topic string) (<-chan ports.Message, error) {
	incoming, err := l.channel.Subscribe(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	outgoing := make(chan ports.Message)
	go func() {
		defer close(outgoing)
		for m := range incoming {
			select {
			case outgoing <- unwrap(topic, m):
				m.Ack()
			case <-ctx.Done():
				m.Nack()
			}
		}
	}()
	return outgoing, nil
}

func unwrap(topic string, m *message.Message) ports.Message {
	out := ports.Message{Topic: topic, Key: m.Metadata.Get(keyName), Headers: map[string]string{}, Body: m.Payload}
	for name, value := range m.Metadata {
		if name != keyName {
			out.Headers[name] = value
		}
	}
	return out
}
