package watermillbus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"

	"github.com/IBM/sarama"

	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports/handshake"
)

// Protocol is how connections to Kafka are protected, by Kafka's names; the zero value is
// PLAINTEXT.
type Protocol struct{ name string }

var errProtocol = errors.New("unknown security protocol")

// UnmarshalText reads PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
func (p *Protocol) UnmarshalText(text []byte) error {
	if !slices.Contains([]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}, string(text)) {
		return errProtocol
	}
	p.name = string(text)
	return nil
}

// String returns Kafka's name.
func (p Protocol) String() string { return p.name }

// TLS reports whether connections use TLS.
func (p Protocol) TLS() bool { return p.name == "SSL" || p.name == "SASL_SSL" }

// SASL reports whether connections begin with a login.
func (p Protocol) SASL() bool { return p.name == "SASL_PLAINTEXT" || p.name == "SASL_SSL" }

// Mechanism is a SASL mechanism; the zero value is none.
type Mechanism struct{ name sarama.SASLMechanism }

var errMechanism = errors.New("unknown SASL mechanism")

// UnmarshalText reads PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
func (m *Mechanism) UnmarshalText(text []byte) error {
	name := sarama.SASLMechanism(text)
	if !slices.Contains([]sarama.SASLMechanism{
		sarama.SASLTypePlaintext, sarama.SASLTypeSCRAMSHA256, sarama.SASLTypeSCRAMSHA512,
	}, name) {
		return errMechanism
	}
	m.name = name
	return nil
}

// IsZero reports whether there is no mechanism.
func (m Mechanism) IsZero() bool { return m.name == "" }

// Security is how connections to Kafka are protected; the zero value is not at all.
type Security struct {
	// TLS is the configuration of connections by TLS; nil is none. Each broker's certificate
	// is for the host in its address.
	TLS *tls.Config
	// Mechanism is that of the login with Username and Password; the zero value is none.
	Mechanism Mechanism
	Username  string
	Password  secret.Text
}

// configure adds the protection to sarama's configuration.
func (s Security) configure(c *sarama.Config) {
	if s.TLS != nil {
		c.Net.TLS.Enable, c.Net.TLS.Config = true, s.TLS
	}
	if s.Mechanism.IsZero() {
		return
	}
	c.Net.SASL.Enable, c.Net.SASL.Mechanism = true, s.Mechanism.name
	c.Net.SASL.User, c.Net.SASL.Password = s.Username, s.Password.Reveal()
	c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{mechanism: s.Mechanism} }
}

// ErrLogin is a Kafka that refuses the login.
var ErrLogin = errors.New("kafka refuses the login: check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and " +
	"KAFKA_SASL_PASSWORD")

// ErrClosed is a Kafka that closes new connections without an answer, which is what a broker
// does to clients of another security protocol, and some do after a wrong login. The alert
// about a missing certificate can be lost when the connection is reset.
var ErrClosed = errors.New("kafka closes new connections: check that KAFKA_SECURITY_PROTOCOL is the one of this " +
	"port, and the login and the client certificate if it needs them")

// refusal returns why Kafka refuses connections, or nil for other errors. Codes are those of
// Kafka's protocol guide, "Error Codes".
func refusal(err error) error {
	switch {
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed), errors.Is(err, sarama.ErrUnsupportedSASLMechanism),
		errors.Is(err, sarama.ErrIllegalSASLState):
		return fmt.Errorf("%w (%w)", ErrLogin, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%w (%w)", ErrClosed, err)
	}
	return handshake.Refusal(err, handshake.Names{
		Server: "Kafka", Address: "KAFKA_BOOTSTRAP_SERVERS", Authorities: "KAFKA_SSL_CA_FILE",
		Certificate: "KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE",
		Plain:       "KAFKA_SECURITY_PROTOCOL=PLAINTEXT or SASL_PLAINTEXT",
	})
}
