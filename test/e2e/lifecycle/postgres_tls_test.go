package lifecycle_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/certificates"
	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// changed returns a database's URL with other parameters; "" removes one.
func changed(t *testing.T, databaseURL string, parameters map[string]string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	query := u.Query()
	for name, value := range parameters {
		query.Set(name, value)
		if value == "" {
			query.Del(name)
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// TestPostgresByTLS uses a PostgreSQL that requires TLS, a client certificate and a password.
func TestPostgresByTLS(t *testing.T) {
	t.Parallel()
	ca := certificates.NewAuthority(t)
	cluster := harness.SecurePostgres(t, ca.Files(t, "postgres"))
	complete := changed(t, cluster.URL, map[string]string{"sslmode": "verify-full"})
	other := certificates.NewAuthority(t).Files(t, "other")

	t.Run("every mode that verifies or encrypts connects", func(t *testing.T) {
		t.Parallel()
		for mode, parameters := range map[string]map[string]string{
			"verify-full":                 {},
			"verify-ca":                   {"sslmode": "verify-ca"},
			"require":                     {"sslmode": "require"},
			"require without authorities": {"sslmode": "require", "sslrootcert": ""},
			"prefer":                      {"sslmode": "prefer", "sslrootcert": ""},
		} {
			code, text := runCommand(t, []string{"migrate", "up"}, "DATABASE_URL="+changed(t, complete, parameters))
			require.Zero(t, code, "%s: %s", mode, text)
		}
	})

	t.Run("all sessions are encrypted, that of notifications too", func(t *testing.T) {
		t.Parallel()
		p := e2etest.Serve(t, complete, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
		p.Admin(t).Create(t, "known", "v")
		require.Equal(t, "healthy", e2etest.Decode[e2etest.Object](t, p.Admin(t).Get(t, "/health").Want(t, http.StatusOK))["database"])
		db := e2etest.OpenDatabase(t, cluster.URL)
		count := func(condition string) (n int) {
			t.Helper()
			require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
				WHERE application_name = 'signalbox' AND `+condition).Scan(&n))
			return n
		}
		require.Eventually(t, func() bool { return count(`ssl AND query LIKE 'LISTEN%'`) > 0 },
			e2etest.Timeout, e2etest.PollInterval)
		require.Zero(t, count(`NOT ssl`))
		require.Zero(t, count(`client_dn IS NULL`), "the client has a certificate")
		require.NotContains(t, p.Log.String(), "signalbox:signalbox@")
	})

	for name, row := range map[string]struct {
		parameters map[string]string
		want       string
	}{
		"another authority": {
			map[string]string{"sslrootcert": other.Authority},
			"the certificate of PostgreSQL cannot be verified: set sslrootcert in DATABASE_URL",
		},
		"another authority, without the name": {
			map[string]string{"sslrootcert": other.Authority, "sslmode": "verify-ca"},
			"the certificate of PostgreSQL cannot be verified: set sslrootcert in DATABASE_URL",
		},
		"another authority, where require verifies": {
			map[string]string{"sslrootcert": other.Authority, "sslmode": "require"},
			"the certificate of PostgreSQL cannot be verified: set sslrootcert in DATABASE_URL",
		},
		"no authority that the system has": {
			map[string]string{"sslrootcert": ""},
			"the certificate of PostgreSQL cannot be verified: set sslrootcert in DATABASE_URL",
		},
		"a client certificate of another authority": {
			map[string]string{"sslcert": other.Certificate, "sslkey": other.Key},
			"PostgreSQL refuses the TLS handshake: set sslcert and sslkey in DATABASE_URL",
		},
		"no client certificate": {
			map[string]string{"sslcert": "", "sslkey": ""}, "connection requires a valid client certificate",
		},
		"no TLS": {
			map[string]string{"sslmode": "disable", "sslrootcert": "", "sslcert": "", "sslkey": ""},
			"The database server refuses this login, role or database. Correct DATABASE_URL.",
		},
	} {
		t.Run(name+" fails the start", func(t *testing.T) {
			t.Parallel()
			refused(t, changed(t, complete, row.parameters), row.want)
		})
	}

	t.Run("a wrong password fails the start", func(t *testing.T) {
		t.Parallel()
		refused(t, strings.Replace(complete, ":signalbox@", ":"+storePassword+"@", 1),
			"The database server refuses this login, role or database. Correct DATABASE_URL.")
	})

	t.Run("a certificate for another name fails the start where the name is verified", func(t *testing.T) {
		t.Parallel()
		elsewhere := harness.SecurePostgres(t, ca.Files(t, "postgres", "db.example"))
		code, text := runCommand(t, []string{"migrate", "up"}, "DATABASE_URL="+elsewhere.URL)
		require.Zero(t, code, text)
		refused(t, changed(t, elsewhere.URL, map[string]string{"sslmode": "verify-full"}),
			"the certificate of PostgreSQL is for another name: set the host of DATABASE_URL to a name in it")
	})

	t.Run("a server without TLS fails the start", func(t *testing.T) {
		t.Parallel()
		refused(t, changed(t, e2etest.NewPostgres(t), map[string]string{"sslmode": "require"}),
			"PostgreSQL does not use TLS on this port: configure it there, or set sslmode=disable")
	})
}

// refused starts the service, which ends at once with an error and without a secret.
func refused(t *testing.T, databaseURL, want string) {
	t.Helper()
	code, text := runCommand(t, []string{"serve"}, "LOG_LEVEL=DEBUG", "SERVICE_PORT=0", "DATABASE_URL="+databaseURL)
	require.Equal(t, 3, code, text)
	require.Contains(t, text, want)
	require.NotContains(t, text, storePassword)
	require.NotContains(t, text, "database unreachable; retrying")
}
