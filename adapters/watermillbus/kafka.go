package watermillbus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/signalbox-hq/signalbox/ports"
)

// KafkaOptions configures the publisher to Kafka.
type KafkaOptions struct {
	// Brokers are "host:port"; one that answers is enough.
	Brokers []string
	// Security is how connections are protected.
	Security Security
	// Topics are looked up before the first message for them.
	Topics []string
	// Create says that missing topics are created, with Partitions and Replication.
	Create      bool
	Partitions  int32
	Replication int16
	// Compression is that of the batches; the zero value is none.
	Compression Compression
	// Lanes is the highest number of in-flight messages; 32 if it is 0.
	Lanes int
}

const defaultLanes = 32

// The timeouts of Kafka. A message fails after its retries: after some seconds while a
// leader moves, after about ten where a broker is silent.
const (
	netTimeout      = 3 * time.Second
	sendTimeout     = 3 * time.Second
	sendRetries     = 4
	sendBackoff     = 100 * time.Millisecond
	metadataRetries = 2
	metadataBackoff = 250 * time.Millisecond
	pingTimeout     = time.Second
)

// OpenKafka returns a publisher to Kafka. It connects when the first message is
// published; that call reports an unreachable broker. Messages for a topic that is missing
// and is not to be created fail with a ports.TopicError until it exists.
func OpenKafka(o KafkaOptions) *Bus {
	if o.Lanes == 0 {
		o.Lanes = defaultLanes
	}
	bus := &Bus{seed: maphash.MakeSeed(), open: o.open, ping: o.ping, topics: topics{find: o.findTopics}}
	bus.topics.invalidate(o.Topics...)
	return bus
}

// ping connects and requests the list of brokers.
func (o KafkaOptions) ping() error {
	config := o.config()
	config.Net.DialTimeout, config.Net.ReadTimeout, config.Net.WriteTimeout = pingTimeout, pingTimeout, pingTimeout
	config.Metadata.Full, config.Metadata.Retry.Max = true, 0
	client, err := sarama.NewClient(o.Brokers, config)
	if err == nil {
		err = client.Close()
	}
	if err != nil {
		return fmt.Errorf("request the brokers: %w", err)
	}
	return nil
}

// open connects each lane. Sarama's calls take no context; they end by their timeouts.
func (o KafkaOptions) open(ctx context.Context) ([]message.Publisher, error) {
	publishers := make([]message.Publisher, 0, o.Lanes)
	for range o.Lanes {
		p, err := kafka.NewPublisher(kafka.PublisherConfig{
			Brokers: o.Brokers, Marshaler: marshaler{}, OverwriteSaramaConfig: o.config(),
		}, watermill.NopLogger{})
		if err == nil {
			publishers = append(publishers, p)
			err = context.Cause(ctx)
		}
		if err != nil {
			for _, p := range publishers {
				err = errors.Join(err, p.Close())
			}
			return nil, err
		}
	}
	return publishers, nil
}

// config returns the configuration of one lane: all in-sync replicas acknowledge each
// message, exactly once within the producer's life and in order (KIP-98).
func (o KafkaOptions) config() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "signalbox"
	c.Version = sarama.V2_1_0_0 // the first with zstd (KIP-110)
	c.Net.DialTimeout, c.Net.ReadTimeout, c.Net.WriteTimeout = netTimeout, netTimeout, netTimeout
	c.Net.MaxOpenRequests = 1
	// Topics are created by create, as configured, or not at all.
	c.Metadata.Full, c.Metadata.AllowAutoTopicCreation = false, false
	c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = metadataRetries, metadataBackoff
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Timeout = sendTimeout
	c.Producer.Retry.Max = sendRetries
	c.Producer.Retry.BackoffFunc = func(retries, _ int) time.Duration { return sendBackoff << retries }
	c.Producer.Return.Successes = true
	c.Producer.Compression = o.Compression.codec()
	o.Security.configure(c)
	return c
}

// findTopics looks up topics, creates missing ones where that is configured, and returns
// why the others accept no messages.
func (o KafkaOptions) findTopics(names []string) (wrong map[string]error, err error) {
	config := o.config()
	config.Metadata.Full = true // otherwise sarama finds no broker while it knows no topic
	admin, err := sarama.NewClusterAdmin(o.Brokers, config)
	if err != nil {
		return nil, fmt.Errorf("look up the topics: %w", err)
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	described, err := admin.DescribeTopics(names)
	if err != nil {
		return nil, fmt.Errorf("look up the topics: %w", err)
	}
	wrong = map[string]error{}
	for _, d := range described {
		switch {
		case errors.Is(d.Err, sarama.ErrUnknownTopicOrPartition):
			wrong[d.Name] = o.create(admin, d.Name)
		case isTopics(d.Err):
			wrong[d.Name] = d.Err
		}
	}
	return wrong, nil
}

// create creates a topic, or returns why it cannot.
func (o KafkaOptions) create(admin sarama.ClusterAdmin, name string) error {
	if !o.Create {
		return errMissing
	}
	detail := &sarama.TopicDetail{NumPartitions: o.Partitions, ReplicationFactor: o.Replication}
	err := admin.CreateTopic(name, detail, false)
	if err != nil && !errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return fmt.Errorf("create the topic: %w", err)
	}
	return nil
}

// errMissing is returned for a topic that does not exist and is not to be created.
var errMissing = errors.New("it does not exist; create it, or set KAFKA_CREATE_TOPICS=true")

// marshaler writes messages with their keys and headers, without those of Watermill.
type marshaler struct{}

// Marshal converts a message to Kafka's form.
func (marshaler) Marshal(topic string, m *message.Message) (*sarama.ProducerMessage, error) {
	out := &sarama.ProducerMessage{
		Topic: topic, Key: sarama.StringEncoder(m.Metadata.Get(keyName)), Value: sarama.ByteEncoder(m.Payload),
		Headers: make([]sarama.RecordHeader, 0, len(m.Metadata)),
	}
	for name, value := range m.Metadata {
		if name != keyName {
			out.Headers = append(out.Headers, sarama.RecordHeader{Key: []byte(name), Value: []byte(value)})
		}
	}
	slices.SortFunc(out.Headers, func(a, b sarama.RecordHeader) int { return bytes.Compare(a.Key, b.Key) })
	return out, nil
}

// isTopics reports whether an error says that a topic accepts no messages at all, by the
// codes of Kafka's protocol guide, "Error Codes".
func isTopics(err error) bool {
	return errors.Is(err, sarama.ErrUnknownTopicOrPartition) || errors.Is(err, sarama.ErrInvalidTopic) ||
		errors.Is(err, sarama.ErrTopicAuthorizationFailed)
}

// translate separates, by the same codes, what the broker refuses permanently and what a
// complete topic refuses from failures that a retry may mend.
func translate(topic string, err error) error {
	if err == nil {
		return nil
	}
	if isTopics(err) {
		return ports.TopicError{Topic: topic, Cause: err}
	}
	for _, final := range []error{
		sarama.ErrMessageSizeTooLarge, sarama.ErrInvalidMessageSize, sarama.ErrPolicyViolation,
		sarama.ErrInvalidRecord,
	} {
		if errors.Is(err, final) {
			return ports.RefusedError{Cause: final}
		}
	}
	if wrong, ok := errors.AsType[sarama.ConfigurationError](err); ok {
		return ports.RefusedError{Cause: wrong}
	}
	return unavailable(err)
}
