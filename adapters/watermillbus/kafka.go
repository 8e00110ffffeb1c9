package watermillbus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/signalbox-hq/signalbox/ports"
)

// KafkaOptions says which Kafka to publish to.
type KafkaOptions struct {
	// Brokers are "host:port"; one that answers is enough.
	Brokers []string
	// Topics have to exist before anything is published.
	Topics []string
	// Create makes those that are missing, with Partitions and Replication.
	Create      bool
	Partitions  int32
	Replication int16
	// Lanes is how many messages are under way at most; 32 if it is 0.
	Lanes int
}

const defaultLanes = 32

// How long Kafka may take. A message fails after its retries: some seconds where a
// leader moves, about ten where a broker is silent.
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
// published: a broker that is away is found by that call. Topics that are missing,
// and are not to be made, are the error of every call that finds them missing.
func OpenKafka(o KafkaOptions) *Bus {
	if o.Lanes == 0 {
		o.Lanes = defaultLanes
	}
	return &Bus{seed: maphash.MakeSeed(), open: o.open, ping: o.ping}
}

// ping connects, and asks for the brokers.
func (o KafkaOptions) ping() error {
	config := o.config()
	config.Net.DialTimeout, config.Net.ReadTimeout, config.Net.WriteTimeout = pingTimeout, pingTimeout, pingTimeout
	config.Metadata.Full, config.Metadata.Retry.Max = true, 0
	client, err := sarama.NewClient(o.Brokers, config)
	if err == nil {
		err = client.Close()
	}
	if err != nil {
		return fmt.Errorf("ask the brokers: %w", err)
	}
	return nil
}

// open connects each lane; sarama's calls do not know ctx, and end by their
// timeouts.
func (o KafkaOptions) open(ctx context.Context) ([]message.Publisher, error) {
	if err := o.prepareTopics(); err != nil {
		return nil, err
	}
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

// config is that of one lane: every message is acknowledged by all replicas in
// sync, exactly once within the producer's life and in order (KIP-98).
func (KafkaOptions) config() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "signalbox"
	c.Version = sarama.V2_1_0_0 // the first that knows zstd (KIP-110)
	c.Net.DialTimeout, c.Net.ReadTimeout, c.Net.WriteTimeout = netTimeout, netTimeout, netTimeout
	c.Net.MaxOpenRequests = 1
	// Topics are made here, as they are asked for, or not at all.
	c.Metadata.Full, c.Metadata.AllowAutoTopicCreation = false, false
	c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = metadataRetries, metadataBackoff
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Timeout = sendTimeout
	c.Producer.Retry.Max = sendRetries
	c.Producer.Retry.BackoffFunc = func(retries, _ int) time.Duration { return sendBackoff << retries }
	c.Producer.Return.Successes = true
	c.Producer.Compression = sarama.CompressionZSTD
	return c
}

// prepareTopics finds the topics, or makes them.
func (o KafkaOptions) prepareTopics() (err error) {
	config := o.config()
	config.Metadata.Full = true // sarama finds no broker otherwise, when it knows no topic
	admin, err := sarama.NewClusterAdmin(o.Brokers, config)
	if err != nil {
		return fmt.Errorf("look for topics: %w", err)
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	described, err := admin.DescribeTopics(o.Topics)
	if err != nil {
		return fmt.Errorf("look for topics: %w", err)
	}
	missing := slices.Clone(o.Topics)
	for _, d := range described {
		if d.Err == sarama.ErrNoError {
			missing = slices.DeleteFunc(missing, func(name string) bool { return name == d.Name })
		}
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	if len(missing) > 0 && !o.Create {
		return fmt.Errorf("these topics are missing: %s; make them, or set KAFKA_CREATE_TOPICS=true",
			strings.Join(missing, ", "))
	}
	for _, name := range missing {
		detail := &sarama.TopicDetail{NumPartitions: o.Partitions, ReplicationFactor: o.Replication}
		err := admin.CreateTopic(name, detail, false)
		if err != nil && !errors.Is(err, sarama.ErrTopicAlreadyExists) {
			return fmt.Errorf("make topic %s: %w", name, err)
		}
	}
	return nil
}

// marshaler writes messages with their keys and headers, and none of Watermill's.
type marshaler struct{}

// Marshal returns Kafka's form of a message.
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

// translate tells what the broker refuses for good from what may go well later, by
// the codes of Kafka's protocol guide, "Error Codes".
func translate(err error) error {
	if err == nil {
		return nil
	}
	for _, final := range []error{
		sarama.ErrMessageSizeTooLarge, sarama.ErrInvalidMessageSize, sarama.ErrInvalidTopic,
		sarama.ErrUnknownTopicOrPartition, sarama.ErrTopicAuthorizationFailed, sarama.ErrPolicyViolation,
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
