package lifecycle_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/signalbox-hq/signalbox/test/certificates"
	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// kafkaUser is the user of the brokers of these tests, with storePassword.
const kafkaUser = "signalbox"

// secureKafka is a broker that requires TLS, a client certificate and a login.
type secureKafka struct {
	name string
	run  func(t *testing.T, files certificates.Files) (brokers []string)
	// refusedLogin is how it is reported that it refuses a login.
	refusedLogin string
}

func secureKafkas() []secureKafka {
	return []secureKafka{
		{
			name: "in process",
			run: func(t *testing.T, files certificates.Files) []string {
				t.Helper()
				config := files.Client(t)
				config.ClientCAs, config.ClientAuth = config.RootCAs, tls.RequireAndVerifyClientCert
				options := []kfake.Opt{kfake.TLS(config), kfake.EnableSASL()}
				for _, mechanism := range mechanisms() {
					options = append(options, kfake.Superuser(mechanism, kafkaUser, storePassword))
				}
				return harness.FakeKafka(t, options...).ListenAddrs()
			},
			refusedLogin: "kafka closes new connections: check that KAFKA_SECURITY_PROTOCOL", // it has no other answer
		},
		{
			name: "Kafka",
			run: func(t *testing.T, files certificates.Files) []string {
				t.Helper()
				return harness.SecureKafka(t, files, kafkaUser, storePassword)
			},
			refusedLogin: "kafka refuses the login: check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD",
		},
	}
}

func mechanisms() []string { return []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} }

// TestKafkaByTLS publishes to a Kafka that requires TLS, a client certificate and a login.
func TestKafkaByTLS(t *testing.T) {
	t.Parallel()
	for _, kind := range secureKafkas() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			ca := certificates.NewAuthority(t)
			brokers, own := kind.run(t, ca.Files(t, "kafka")), ca.Files(t, "signalbox")
			testAccepted(t, brokers, own)
			testRefused(t, brokers, own, kind.refusedLogin)
		})
	}
	t.Run("a certificate for another name is in /health", func(t *testing.T) {
		t.Parallel()
		ca := certificates.NewAuthority(t)
		k := e2etest.NewKafka(secureKafkas()[0].run(t, ca.Files(t, "kafka", "kafka.example")))
		p := e2etest.Serve(t, e2etest.NewSQLite(t), secureEnviron(t, k, ca.Files(t, "signalbox"))...)
		awaitCondition(t, p, "kafka_connection_refused",
			"the certificate of Kafka is for another name: set KAFKA_BOOTSTRAP_SERVERS to a name in it")
	})
}

// TestKafkaProtocols publishes by TLS without a login, and by a login without TLS.
func TestKafkaProtocols(t *testing.T) {
	t.Parallel()
	ca := certificates.NewAuthority(t)
	own := ca.Files(t, "signalbox")
	for protocol, row := range map[string]struct {
		broker  []kfake.Opt
		environ []string
	}{
		"SSL": {
			broker:  []kfake.Opt{kfake.TLS(ca.Files(t, "kafka").Client(t))},
			environ: []string{"KAFKA_SSL_CA_FILE=" + own.Authority},
		},
		"SASL_PLAINTEXT": {
			broker: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", kafkaUser, storePassword)},
			environ: []string{
				"KAFKA_SASL_MECHANISM=SCRAM-SHA-256", "KAFKA_SASL_USERNAME=" + kafkaUser, "KAFKA_SASL_PASSWORD=" + storePassword,
			},
		},
	} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			k := e2etest.NewKafka(harness.FakeKafka(t, row.broker...).ListenAddrs())
			environ := append(append(k.Environ(), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t), "KAFKA_SECURITY_PROTOCOL="+protocol),
				row.environ...)
			p := e2etest.Serve(t, e2etest.NewSQLite(t), environ...)
			p.Admin(t).Create(t, "known", "v")
			p.Admin(t).AwaitPublished(t, 1)
		})
	}
}

// secureEnviron returns the settings of a service with the right certificate and login.
func secureEnviron(t *testing.T, k e2etest.Kafka, own certificates.Files, further ...string) []string {
	t.Helper()
	return append(append(k.Environ(),
		"LOG_LEVEL=DEBUG", "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t),
		"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SSL_CA_FILE="+own.Authority,
		"KAFKA_SSL_CERT_FILE="+own.Certificate, "KAFKA_SSL_KEY_FILE="+own.Key,
		"KAFKA_SASL_MECHANISM=SCRAM-SHA-512", "KAFKA_SASL_USERNAME="+kafkaUser, "KAFKA_SASL_PASSWORD="+storePassword,
	), further...)
}

func testAccepted(t *testing.T, brokers []string, own certificates.Files) {
	t.Helper()
	login := scram.Auth{User: kafkaUser, Pass: storePassword}
	for mechanism, independent := range map[string]sasl.Mechanism{
		"PLAIN":         plain.Auth{User: kafkaUser, Pass: storePassword}.AsMechanism(),
		"SCRAM-SHA-256": login.AsSha256Mechanism(), "SCRAM-SHA-512": login.AsSha512Mechanism(),
	} {
		t.Run("changes arrive by "+mechanism, func(t *testing.T) {
			t.Parallel()
			k := e2etest.NewKafka(brokers)
			p := e2etest.Serve(t, e2etest.NewSQLite(t), secureEnviron(t, k, own, "KAFKA_SASL_MECHANISM="+mechanism)...)
			p.Admin(t).Create(t, "known", "v")
			harness.Consume(t, brokers, []string{k.Configurations}, func(list []*kgo.Record) bool { return len(list) > 0 },
				kgo.DialTLSConfig(own.Client(t)), kgo.SASL(independent))
			p.Admin(t).AwaitPublished(t, 1)
			h := p.Admin(t).Health(t)
			require.Equal(t, "healthy", h.Kafka)
			require.Empty(t, h.Conditions)
			require.NotContains(t, p.Log.String(), storePassword)
		})
	}
}

func testRefused(t *testing.T, brokers []string, own certificates.Files, refusedLogin string) {
	t.Helper()
	for name, row := range map[string]struct {
		environ []string
		want    string
	}{
		"another authority": {
			[]string{"KAFKA_SSL_CA_FILE=" + certificates.NewAuthority(t).Files(t, "other").Authority},
			"the certificate of Kafka cannot be verified: set KAFKA_SSL_CA_FILE to the authority that issued it",
		},
		"no client certificate": {
			[]string{"KAFKA_SSL_CERT_FILE=", "KAFKA_SSL_KEY_FILE="},
			"Kafka refuses the TLS handshake: set KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE",
		},
		"a wrong password":               {[]string{"KAFKA_SASL_PASSWORD=" + storePassword + "-wrong"}, refusedLogin},
		"a wrong password by PLAIN":      {[]string{"KAFKA_SASL_PASSWORD=wrong", "KAFKA_SASL_MECHANISM=PLAIN"}, refusedLogin},
		"a user that does not exist":     {[]string{"KAFKA_SASL_USERNAME=nobody"}, refusedLogin},
		"a protocol without encryption":  {plainly("SASL_PLAINTEXT"), "check that KAFKA_SECURITY_PROTOCOL is the one of this port"},
		"a protocol without any of both": {plainly("PLAINTEXT"), "check that KAFKA_SECURITY_PROTOCOL is the one of this port"},
	} {
		t.Run(name+" is in /health and in the log", func(t *testing.T) {
			t.Parallel()
			p := e2etest.Serve(t, e2etest.NewSQLite(t), secureEnviron(t, e2etest.NewKafka(brokers), own, row.environ...)...)
			awaitCondition(t, p, "kafka_connection_refused", row.want)
			require.Equal(t, "unhealthy", p.Admin(t).Health(t).Kafka)
			p.Log.Await(t, "kafka unreachable", p.Exited)
			require.NotContains(t, p.Log.String(), storePassword)
		})
	}
}

// plainly returns the settings of a protocol without TLS, and without a login if it has none.
func plainly(protocol string) []string {
	set := []string{"KAFKA_SECURITY_PROTOCOL=" + protocol, "KAFKA_SSL_CA_FILE=", "KAFKA_SSL_CERT_FILE=", "KAFKA_SSL_KEY_FILE="}
	if !strings.HasPrefix(protocol, "SASL") {
		set = append(set, "KAFKA_SASL_MECHANISM=", "KAFKA_SASL_USERNAME=", "KAFKA_SASL_PASSWORD=")
	}
	return set
}
