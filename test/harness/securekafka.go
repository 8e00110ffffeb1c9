package harness

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/certificates"
)

// secureKafkaProperties configures one broker that is its own controller, in the order of the
// arguments: the port, the controller's port, the folder, the PEM file of the certificate with
// its key, that of the authorities, the user and the password of PLAIN.
const secureKafkaProperties = `process.roles=broker,controller
node.id=1
listeners=SASL_SSL://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=SASL_SSL://127.0.0.1:%[1]d
controller.quorum.voters=1@127.0.0.1:%[2]d
controller.listener.names=CONTROLLER
inter.broker.listener.name=SASL_SSL
listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
log.dirs=%[3]s
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
ssl.keystore.type=PEM
ssl.keystore.location=%[4]s
ssl.truststore.type=PEM
ssl.truststore.location=%[5]s
listener.name.sasl_ssl.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="%[6]s" password="%[7]s";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_%[6]s="%[7]s";
`

// SecureKafka returns the brokers of a real Kafka for one test that accepts TLS with a client
// certificate of the same authority, and a login of one user by PLAIN and SCRAM. It runs on
// the Java classes of TEST_KAFKA_CLASSPATH; without it the test is left out, also where
// services are required.
func SecureKafka(tb testing.TB, files certificates.Files, user, password string) []string {
	tb.Helper()
	classes := os.Getenv("TEST_KAFKA_CLASSPATH")
	if classes == "" {
		tb.Skip("left out, there is no Kafka that can be configured: set TEST_KAFKA_CLASSPATH to Kafka's jar files (FOLDER/*)")
	}
	folder := tb.TempDir()
	keystore := filepath.Join(folder, "keystore.pem")
	var pair []byte
	for _, path := range []string{files.Key, files.Certificate} {
		text, err := os.ReadFile(path)
		require.NoError(tb, err)
		pair = append(pair, text...)
	}
	require.NoError(tb, os.WriteFile(keystore, pair, 0o600))
	port, err := freePort()
	require.NoError(tb, err)
	controller, err := freePort()
	require.NoError(tb, err)
	properties := filepath.Join(folder, "kafka.properties")
	require.NoError(tb, os.WriteFile(properties, fmt.Appendf(nil, secureKafkaProperties, port, controller,
		filepath.Join(folder, "data"), keystore, files.Authority, user, password), 0o600))
	format := []string{"-cp", classes, "kafka.tools.StorageTool", "format", "-t", uuid.NewString(), "-c", properties}
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
		format = append(format, "--add-scram", mechanism+"=[name="+user+",password="+password+"]")
	}
	out, err := exec.CommandContext(tb.Context(), "java", format...).CombinedOutput()
	require.NoError(tb, err, "%s", out)
	runKafka(tb, port, "-Xmx512m", "-cp", classes, "kafka.Kafka", properties)
	return []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
}

// runKafka runs Java until the test ends, and waits until it listens.
func runKafka(tb testing.TB, port int, arguments ...string) {
	tb.Helper()
	var log strings.Builder
	process := exec.CommandContext(context.Background(), "java", arguments...)
	process.Stdout, process.Stderr = &log, &log
	require.NoError(tb, process.Start())
	tb.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
		if tb.Failed() {
			tb.Logf("the log of Kafka: %s", log.String())
		}
	})
	require.Eventually(tb, func() bool {
		conn, err := new(net.Dialer).DialContext(tb.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, startTimeout, 100*time.Millisecond)
}
