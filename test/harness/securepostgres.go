package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/certificates"
)

// SecurePostgres returns a running PostgreSQL for one test that accepts TLS with a client
// certificate of the same authority, and a password. Its URL verifies the authority of the
// server and not its name.
func SecurePostgres(tb testing.TB, files certificates.Files) *Cluster {
	tb.Helper()
	cluster := stoppedPostgres(tb)
	for setting, path := range map[string]string{
		"ssl_cert_file": files.Certificate, "ssl_key_file": files.Key, "ssl_ca_file": files.Authority,
	} {
		text, err := os.ReadFile(path)
		require.NoError(tb, err)
		copied := filepath.Join(cluster.folder, setting) // the server's user cannot read the test's folder
		require.NoError(tb, os.WriteFile(copied, text, 0o600))
		require.NoError(tb, own(copied))
		cluster.command = append(cluster.command, "-c", setting+"="+copied)
	}
	cluster.command = append(cluster.command, "-c", "ssl=on")
	access := filepath.Join(cluster.folder, "data", "pg_hba.conf")
	const rule = "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n" //nolint:dupword // databases, users
	require.NoError(tb, os.WriteFile(access, []byte(rule), 0o600))
	cluster.URL = strings.Replace(cluster.URL, "sslmode=disable", "sslmode=verify-ca&sslrootcert="+files.Authority+
		"&sslcert="+files.Certificate+"&sslkey="+files.Key, 1)
	cluster.Start(tb)
	return cluster
}
