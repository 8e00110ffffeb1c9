package lifecycle_test

import (
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/certificates"
	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// storePassword is that of the stores of these tests. No log line has it.
const storePassword = "canary-4f1d9c"

// with returns an environment with further settings.
func with(environ []string, further ...string) []string {
	return append(append([]string{}, environ...), further...)
}

// awaitCondition waits for a condition whose message has some text.
func awaitCondition(t *testing.T, p *e2etest.Process, name, text string) {
	t.Helper()
	require.EventuallyWithT(t, func(e *assert.CollectT) {
		messages := map[string]string{}
		for _, c := range p.Admin(t).Conditions(t).Conditions {
			messages[c.Name] = c.Message
		}
		assert.Contains(e, messages[name], text)
	}, e2etest.Timeout, e2etest.PollInterval, "%s", p.Log)
}

// TestRedisByTLS uses a Redis that requires TLS, a client certificate and a user.
func TestRedisByTLS(t *testing.T) {
	t.Parallel()
	ca := certificates.NewAuthority(t)
	server, own := ca.Files(t, "redis"), ca.Files(t, "signalbox")
	address := harness.SecureRedis(t, server, "signalbox", storePassword)
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	environ := []string{
		"LOG_LEVEL=DEBUG", "BOOTSTRAP_ADMIN_KEY=" + e2etest.AdminKey(t),
		"REDIS_HOST=" + host, "REDIS_PORT=" + port, "REDIS_TLS=true", "REDIS_TLS_CA_FILE=" + own.Authority,
		"REDIS_USERNAME=signalbox", "REDIS_PASSWORD=" + storePassword,
	}
	certificate := []string{"REDIS_TLS_CERT_FILE=" + own.Certificate, "REDIS_TLS_KEY_FILE=" + own.Key}

	t.Run("leases and cached values are in Redis", func(t *testing.T) {
		t.Parallel()
		p := e2etest.Serve(t, e2etest.NewSQLite(t), with(environ, certificate...)...)
		c := p.Admin(t)
		c.RegisterInstance(t, "shop", "a")
		c.Heartbeat(t, "shop", "a", 1).Want(t, http.StatusOK)
		c.RegisterInstance(t, "shop", "brief", e2etest.ShortLease())
		c.AwaitDiscovered(t, e2etest.Timeout, "shop", "a")
		require.Equal(t, "healthy", e2etest.Decode[e2etest.Object](t, c.Get(t, "/health"))["redis"])
		client := redis.NewClient(&redis.Options{
			Addr: address, Username: "signalbox", Password: storePassword, TLSConfig: own.Client(t),
		})
		t.Cleanup(func() { _ = client.Close() })
		read := 0
		require.EventuallyWithT(t, func(e *assert.CollectT) {
			if len(client.Keys(t.Context(), "config:*").Val()) == 0 { // it is filled where Redis is fast enough
				read++
				key := "known." + strconv.Itoa(read)
				c.Create(t, key, "v")
				c.Read(t, key)
			}
			assert.NotEmpty(e, client.Keys(t.Context(), "registry:*").Val())
			assert.NotEmpty(e, client.Keys(t.Context(), "config:*").Val())
			assert.Contains(e, client.HKeys(t.Context(), "service:shop:instances").Val(), "a")
		}, e2etest.Timeout, e2etest.PollInterval)
		require.Empty(t, c.Conditions(t).Conditions)
		require.NotContains(t, p.Log.String(), storePassword)
	})

	for name, row := range map[string]struct {
		environ []string
		want    string
	}{
		"another authority": {
			with(certificate, "REDIS_TLS_CA_FILE="+certificates.NewAuthority(t).Files(t, "other").Authority),
			"the certificate of Redis cannot be verified: set REDIS_TLS_CA_FILE to the authority that issued it",
		},
		"a wrong password": {
			with(certificate, "REDIS_PASSWORD="+storePassword+"-wrong"),
			"redis denies access: check REDIS_USERNAME, REDIS_PASSWORD",
		},
		"a wrong user": {
			with(certificate, "REDIS_USERNAME=default"), "redis denies access: check REDIS_USERNAME, REDIS_PASSWORD",
		},
		"no client certificate": {
			nil, "Redis refuses the TLS handshake: set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE",
		},
	} {
		t.Run(name+" is in /health", func(t *testing.T) {
			t.Parallel()
			p := e2etest.Serve(t, e2etest.NewSQLite(t), with(environ, row.environ...)...)
			awaitCondition(t, p, "redis_writes_failing", row.want)
			require.Equal(t, "unhealthy", e2etest.Decode[e2etest.Object](t, p.Admin(t).Get(t, "/health"))["redis"])
			require.NotContains(t, p.Log.String(), storePassword)
		})
	}

	t.Run("a certificate for another name is in /health", func(t *testing.T) {
		t.Parallel()
		elsewhere := harness.SecureRedis(t, ca.Files(t, "redis", "redis.example"), "signalbox", storePassword)
		_, port, err := net.SplitHostPort(elsewhere)
		require.NoError(t, err)
		p := e2etest.Serve(t, e2etest.NewSQLite(t), with(environ, with(certificate, "REDIS_PORT="+port)...)...)
		awaitCondition(t, p, "redis_writes_failing",
			"the certificate of Redis is for another name: set REDIS_HOST to a name in it")
	})

	t.Run("new connections use a certificate that was replaced", func(t *testing.T) {
		t.Parallel()
		replaced := certificates.NewAuthority(t).Files(t, "of another authority")
		p := e2etest.Serve(t, e2etest.NewSQLite(t), with(environ,
			"REDIS_TLS_CERT_FILE="+replaced.Certificate, "REDIS_TLS_KEY_FILE="+replaced.Key)...)
		awaitCondition(t, p, "redis_writes_failing", "Redis refuses the TLS handshake")
		ca.Issue(t, "signalbox").Write(t, replaced.Certificate, replaced.Key)
		require.Eventually(t, func() bool {
			return e2etest.Decode[e2etest.Object](t, p.Admin(t).Get(t, "/health"))["redis"] == "healthy"
		}, e2etest.Timeout, e2etest.PollInterval)
		require.NotEmpty(t, p.Log.Find("client certificate reloaded"))
	})
}

// TestWrongCertificatesOfStores refuses files that cannot be used, at the start.
func TestWrongCertificatesOfStores(t *testing.T) {
	t.Parallel()
	own := certificates.NewAuthority(t).Files(t, "signalbox")
	missing := filepath.Join(t.TempDir(), "missing.pem")
	redisTLS := []string{"REDIS_HOST=127.0.0.1", "REDIS_TLS=true"}
	kafkaTLS := []string{"KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1", "KAFKA_SECURITY_PROTOCOL=SSL"}
	database := "DATABASE_URL=postgres://u:" + storePassword + "@127.0.0.1:1/d?sslmode="
	for want, environ := range map[string][]string{
		"REDIS_TLS_CA_FILE: the file cannot be read: no such file":   with(redisTLS, "REDIS_TLS_CA_FILE="+missing),
		"REDIS_TLS_CA_FILE: the file has no certificate in PEM":      with(redisTLS, "REDIS_TLS_CA_FILE="+own.Key),
		"REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE: tls: failed to": with(redisTLS, "REDIS_TLS_CERT_FILE="+own.Key, "REDIS_TLS_KEY_FILE="+own.Key),
		"REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE: set both":       with(redisTLS, "REDIS_TLS_CERT_FILE="+own.Certificate),
		"KAFKA_SSL_CA_FILE: the file cannot be read":                 with(kafkaTLS, "KAFKA_SSL_CA_FILE="+missing),
		"KAFKA_SSL_KEY_FILE: the file cannot be read":                with(kafkaTLS, "KAFKA_SSL_CERT_FILE="+own.Certificate, "KAFKA_SSL_KEY_FILE="+missing),
		"DATABASE_URL: the file of parameter sslrootcert: the file":  {database + "verify-full&sslrootcert=" + missing},
		"DATABASE_URL: the file of parameter sslkey: the file":       {database + "require&sslcert=" + own.Certificate + "&sslkey=" + missing},
		"DATABASE_URL: sslcert and sslkey belong together":           {database + "require&sslcert=" + own.Certificate},
		"DATABASE_URL: sslmode=verify-ca needs sslrootcert":          {database + "verify-ca"},
	} {
		path := filepath.Join(t.TempDir(), "signalbox.db")
		code, text := runCommand(t, []string{"serve"}, append([]string{"DATABASE_URL=sqlite://" + path, "SERVICE_PORT=0"}, environ...)...)
		require.Equal(t, 2, code, text)
		require.Contains(t, text, want)
		require.NotContains(t, text, storePassword)
		require.NoFileExists(t, path, "nothing is created")
	}
	code, text := runCommand(t, []string{"migrate", "status"}, database+"verify-full&sslrootcert="+missing)
	require.Equal(t, 2, code, text)
}
