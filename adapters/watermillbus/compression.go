package watermillbus

import (
	"errors"
	"slices"

	"github.com/IBM/sarama"
)

// Compression is the compression of the messages in Kafka; the zero value is none, which
// every client reads.
type Compression struct{ name string }

// errCompression is returned for a name that is not one of compressions.
var errCompression = errors.New("unknown compression")

// compressions returns the names of the codecs, at the index of sarama's constants.
func compressions() []string { return []string{"none", "gzip", "snappy", "lz4", "zstd"} }

// UnmarshalText reads none, gzip, snappy, lz4 or zstd.
func (c *Compression) UnmarshalText(text []byte) error {
	if !slices.Contains(compressions(), string(text)) {
		return errCompression
	}
	c.name = string(text)
	return nil
}

func (c Compression) codec() sarama.CompressionCodec {
	return sarama.CompressionCodec(max(0, slices.Index(compressions(), c.name))) //nolint:gosec // there are five
}
