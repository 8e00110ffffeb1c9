package settings_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/bootstrap/settings"
)

func TestSecurityOfStores(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		environ []string
		want    []string
	}{
		{name: "Redis by TLS", environ: []string{"REDIS_TLS=true", "REDIS_TLS_CERT_FILE=c", "REDIS_TLS_KEY_FILE=k"}},
		{name: "a user of Redis", environ: []string{"REDIS_USERNAME=u", "REDIS_PASSWORD=canary"}},
		{
			name: "a user of Redis without a password", environ: []string{"REDIS_USERNAME=u"},
			want: []string{"REDIS_USERNAME: set REDIS_PASSWORD, too"},
		},
		{
			name: "files without TLS", environ: []string{"REDIS_TLS_CA_FILE=a", "REDIS_TLS_CERT_FILE=c"},
			want: []string{
				"REDIS_TLS_CA_FILE: leave it out, or set REDIS_TLS=true",
				"REDIS_TLS_CERT_FILE: leave it out, or set REDIS_TLS=true",
			},
		},
		{
			name: "a certificate without its key", environ: []string{"REDIS_TLS=true", "REDIS_TLS_CERT_FILE=c"},
			want: []string{"REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE: set both"},
		},
		{
			name: "Kafka by TLS and SCRAM", environ: []string{
				"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=SCRAM-SHA-256", "KAFKA_SASL_USERNAME=u",
				"KAFKA_SASL_PASSWORD_FILE=" + secretFile(t, "canary\n"), "KAFKA_SSL_CA_FILE=a",
			},
		},
		{
			name: "a login without its parts", environ: []string{"KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT"},
			want: []string{
				"KAFKA_SASL_MECHANISM: set it, since KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT needs it",
				"KAFKA_SASL_PASSWORD: set it, since KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT needs it",
				"KAFKA_SASL_USERNAME: set it, since KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT needs it",
			},
		},
		{
			name: "parts of a login and files without a protocol", environ: []string{
				"KAFKA_SASL_MECHANISM=PLAIN", "KAFKA_SASL_PASSWORD=canary", "KAFKA_SSL_KEY_FILE=k",
			},
			want: []string{
				"KAFKA_SASL_MECHANISM: leave it out, or set KAFKA_SECURITY_PROTOCOL=SASL_SSL or SASL_PLAINTEXT",
				"KAFKA_SASL_PASSWORD: leave it out, or set KAFKA_SECURITY_PROTOCOL=SASL_SSL or SASL_PLAINTEXT",
				"KAFKA_SSL_KEY_FILE: leave it out, or set KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL",
			},
		},
		{
			name:    "a key without its certificate",
			environ: []string{"KAFKA_SECURITY_PROTOCOL=SSL", "KAFKA_SSL_KEY_FILE=k"},
			want:    []string{"KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE: set both"},
		},
		{
			name: "unknown names", environ: []string{"KAFKA_SECURITY_PROTOCOL=TLS", "KAFKA_SASL_MECHANISM=GSSAPI", "REDIS_TLS=yes"},
			want: []string{
				"KAFKA_SASL_MECHANISM: use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
				"KAFKA_SECURITY_PROTOCOL: use PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
				"REDIS_TLS: use true or false",
			},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := settings.Load(row.environ, none(t), topics())
			if len(row.want) == 0 {
				require.NoError(t, err)
				return
			}
			invalid, ok := errors.AsType[*settings.InvalidError](err)
			require.True(t, ok)
			assert.Equal(t, row.want, invalid.Problems)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

// TestFilesOfDatabaseURL moves the files of certificates out of the URL of the driver.
func TestFilesOfDatabaseURL(t *testing.T) {
	t.Parallel()
	var d settings.Database
	require.NoError(t, d.UnmarshalText([]byte("postgres://u:p@db/c?sslmode=verify-ca&sslrootcert=a.pem&sslcert=c.pem&sslkey=k.pem")))
	assert.Equal(t, "postgres://u:p@db/c?sslmode=verify-ca", d.Postgres.Reveal())
	assert.Equal(t, []string{"a.pem", "c.pem", "k.pem"}, []string{d.RootCertificate, d.Certificate, d.Key})
	require.ErrorContains(t, d.UnmarshalText([]byte("postgres://u:p@db/c?sslmode=verify-ca")), "sslmode=verify-ca needs sslrootcert")
}
