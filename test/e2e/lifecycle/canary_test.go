package lifecycle_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestWrongSecrets starts services with another encryption key and another pepper than
// those of the database.
func TestWrongSecrets(t *testing.T) {
	t.Parallel()
	const pepper = "API_KEY_PEPPER=a pepper that is long enough to be one"
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL, own, other := store.New(t), e2etest.Encryption(t), e2etest.Encryption(t)
			first := []string{"DATABASE_URL=" + databaseURL, "SERVICE_PORT=0", "BOOTSTRAP_ADMIN_KEY=" + e2etest.AdminKey(t), pepper}
			run := func(t *testing.T, settings ...string) *e2etest.Process {
				t.Helper()
				return e2etest.Serve(t, databaseURL, append(settings, first...)...)
			}
			stop := func(t *testing.T, p *e2etest.Process) {
				t.Helper()
				p.Terminate(t)
				require.Zero(t, p.AwaitExit(t))
			}
			refused := func(t *testing.T, sentence string, settings ...string) {
				t.Helper()
				code, text := runCommand(t, []string{"serve"}, settings...)
				require.Equal(t, 2, code, "%s", text)
				require.Contains(t, text, sentence)
			}

			stop(t, run(t, other...)) // nothing is encrypted yet, so any key may be set
			p := run(t, own...)
			c := e2etest.Client{URL: p.URL, Key: e2etest.AdminKey(t)}
			made := c.CreateDraft(t, e2etest.Draft{
				Key: "token", Value: "s3cret", Environment: "production", ServiceName: "shop", IsEncrypted: true,
			})
			stop(t, p)

			third := e2etest.Encryption(t)
			refused(t, "ENCRYPTION_KEY is not the key", append(third, first...)...)
			refused(t, "API_KEY_PEPPER is not the one",
				"DATABASE_URL="+databaseURL, "SERVICE_PORT=0", strings.Replace(pepper, "pepper", "papper", 1))
			refused(t, "API_KEY_PEPPER is not the one", "DATABASE_URL="+databaseURL, "SERVICE_PORT=0")

			// Without canaries, as in a database of an earlier version, the stored value shows it.
			db := e2etest.OpenDatabase(t, databaseURL)
			_, err := db.ExecContext(t.Context(), "DELETE FROM server_secrets WHERE name LIKE 'canary:encryption%'")
			require.NoError(t, err)
			refused(t, "ENCRYPTION_KEY is not the key", append(third, first...)...)

			p = run(t, own...)
			c = e2etest.Client{URL: p.URL, Key: e2etest.AdminKey(t)}
			require.Equal(t, "s3cret", c.Read(t, "token").ShownValue())
			c.Delete(t, made.Path()).Want(t, http.StatusNoContent)
			stop(t, p)
		})
	}
}
