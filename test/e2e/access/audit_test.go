package access_test

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

const auditPath = "/api/v1/audit/"

// logged is an entry of the audit log.
type logged struct {
	Sequence int64
	Action   string
	Outcome  string
	Source   string
	Count    int64
	Actor    struct {
		KeyID string `json:"key_id"`
		Name  string
	}
	Resource struct {
		Type, ID, Environment, Name string
		ServiceName                 string `json:"service_name"`
	}
	VersionBefore int64 `json:"version_before"`
	VersionAfter  int64 `json:"version_after"`
}

// awaitLogged waits for an entry that a query selects and returns the newest.
func awaitLogged(t *testing.T, c e2etest.Client, query string) logged {
	t.Helper()
	var found []logged
	require.Eventually(t, func() bool {
		a := c.Get(t, auditPath+"?"+query).Want(t, http.StatusOK)
		found = e2etest.Decode[struct{ Entries []logged }](t, a).Entries
		return len(found) > 0
	}, e2etest.Timeout, e2etest.PollInterval, query)
	return found[0]
}

// TestAudit changes, reveals and denies, and finds each in the log.
func TestAudit(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			s := e2etest.Boot(t, store.New(t), e2etest.Encryption(t)...)
			w := &world{admin: s.Admin(t)}
			const secret = "canary-of-the-audit-log"
			made := e2etest.Decode[struct{ ID int64 }](t, w.admin.Post(t, configPath, e2etest.Object{
				"key": "sealed", "value": secret, "environment": own, "service_name": "shop", "is_encrypted": true,
			}).Want(t, http.StatusCreated))
			require.NotZero(t, made.ID)
			created := awaitLogged(t, w.admin, "action=configuration.created&name=sealed")
			assert.Equal(t, "e2eadmin", created.Actor.KeyID)
			assert.NotEmpty(t, created.Source)
			assert.Equal(t, []int64{0, 1}, []int64{created.VersionBefore, created.VersionAfter})
			assert.Equal(t, []string{own, "shop"}, []string{created.Resource.Environment, created.Resource.ServiceName})

			for range 3 {
				w.admin.Get(t, configPath+"sealed?service_name=shop&environment="+own).Want(t, http.StatusOK)
			}
			revealed := awaitLogged(t, w.admin, "action=configuration.reveal")
			assert.Equal(t, int64(1), revealed.VersionAfter)

			client, id := w.key(t, grant("reader", false))
			assert.Equal(t, id, awaitLogged(t, w.admin, "action=key.created&actor_key_id=e2eadmin&resource_type=api_key").Resource.ID)
			w.admin.Delete(t, keysPath+id).Want(t, http.StatusNoContent)
			assert.Equal(t, id, awaitLogged(t, w.admin, "action=key.revoked").Resource.ID)
			s.Command(t, "key", "create", "--role", "reader", "--name", "by command")
			assert.Empty(t, awaitLogged(t, w.admin, "name=by+command").Actor.KeyID)
			_ = client

			assert.Equal(t, "signalbox", awaitLogged(t, w.admin, "action=schema.migrated").Actor.Name)
			s.Command(t, "migrate", "epoch")
			assert.Equal(t, "database", awaitLogged(t, w.admin, "action=feed.epoch_began").Resource.Type)

			whole := string(w.admin.Get(t, auditPath+"?limit=1000").Want(t, http.StatusOK).Body)
			assert.NotContains(t, whole, secret)
			assert.NotContains(t, whole, client.Key)
			out := s.Command(t, "audit", "list", "--action", "key.revoked")
			assert.Contains(t, out, "key.revoked")
		})
	}
}

// TestDeniedRequestsAreLogged denies requests and stops the service, which stores them.
func TestDeniedRequestsAreLogged(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewSQLite(t)
	s, stop := e2etest.Run(t, databaseURL)
	w := &world{admin: s.Admin(t)}
	reader, id := w.key(t, grant("reader", false))
	for range 2 {
		reader.Post(t, configPath, e2etest.Draft{Key: "k", Value: "v", Environment: own, ServiceName: "shop"}).
			Problem(t, http.StatusForbidden, "forbidden")
	}
	reader.Get(t, configPath+"k?service_name=shop&environment="+foreign).
		Problem(t, http.StatusNotFound, "configuration_not_found")
	nobody := reader
	nobody.Key = "sbx_nonsense"
	nobody.Get(t, configPath).Problem(t, http.StatusUnauthorized, "api_key_invalid")
	stop()

	again := e2etest.Boot(t, databaseURL).Admin(t)
	write := awaitLogged(t, again, "action=configuration.write&outcome=denied")
	assert.Equal(t, id, write.Actor.KeyID)
	assert.Equal(t, int64(2), write.Count)
	assert.Equal(t, "POST "+configPath, write.Resource.Name)
	read := awaitLogged(t, again, "action=configuration.read&outcome=denied")
	assert.Equal(t, foreign, read.Resource.Environment, "what is out of scope was denied, though it was 404")
	assert.Empty(t, awaitLogged(t, again, "action=authenticate").Actor.KeyID)
}

// TestTamperedLog changes the log in the database by hand and verifies it.
func TestTamperedLog(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			s := e2etest.Boot(t, databaseURL)
			w := &world{admin: s.Admin(t)}
			for range 5 {
				w.configuration(t, own)
			}
			awaitLogged(t, w.admin, "action=configuration.updated&name="+own+"-5")
			verify := func() (a struct {
				Intact bool
				Broken *struct {
					Sequence int64
					Reason   string
				}
			},
			) {
				return e2etest.Decode[struct {
					Intact bool
					Broken *struct {
						Sequence int64
						Reason   string
					}
				}](t, w.admin.Get(t, auditPath+"verify").Want(t, http.StatusOK))
			}
			require.True(t, verify().Intact)
			verifyExport(t, s.Command(t, "audit", "export"), "intact: ")

			db := e2etest.OpenDatabase(t, databaseURL)
			exec := func(statement string) error {
				_, err := db.ExecContext(t.Context(), statement)
				return err
			}
			require.Error(t, exec("DELETE FROM audit WHERE sequence = 3"), "the log is append-only")
			if store.Name == "PostgreSQL" {
				require.NoError(t, exec("DROP TRIGGER audit_is_append_only ON audit"))
			} else {
				require.NoError(t, exec("DROP TRIGGER audit_is_not_updated"))
				require.NoError(t, exec("DROP TRIGGER audit_is_not_deleted"))
			}
			require.NoError(t, exec("UPDATE audit SET entry = replace(entry, 'e2eadmin', 'somebody') WHERE sequence = 4"))
			broken := verify()
			require.False(t, broken.Intact)
			assert.Equal(t, int64(4), broken.Broken.Sequence)
			verifyExport(t, s.Command(t, "audit", "export"), "broken at entry 4")
			require.NoError(t, exec("DELETE FROM audit WHERE sequence = 3"))
			assert.Equal(t, int64(3), verify().Broken.Sequence)
			assert.Equal(t, "missing", verify().Broken.Reason)
		})
	}
}

// verifyExport runs the verifier of docs/access.md on an export.
func verifyExport(t *testing.T, export, want string) {
	t.Helper()
	if exec.CommandContext(t.Context(), "python3", "--version").Run() != nil {
		harness.Skip(t, "no Python: apt-get install python3")
	}
	text, err := os.ReadFile("../../../docs/access.md")
	require.NoError(t, err)
	_, program, _ := strings.Cut(string(text), "<!-- verifier:begin -->\n```python\n")
	program, _, found := strings.Cut(program, "```\n<!-- verifier:end -->")
	require.True(t, found)
	python := exec.CommandContext(t.Context(), "python3", "-c", program)
	python.Stdin = strings.NewReader(export)
	out, _ := python.CombinedOutput()
	assert.True(t, strings.HasPrefix(string(out), want), "%s", out)
}

// TestAuditOfScopedAdmins lists the log as an admin of one environment.
func TestAuditOfScopedAdmins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2etest.NewSQLite(t))
	w.configuration(t, foreign)
	w.configuration(t, own)
	awaitLogged(t, w.admin, "environment="+own+"&action=configuration.updated")
	scoped, _ := w.key(t, grant("admin", false))
	body := string(scoped.Get(t, auditPath+"?limit=1000").Want(t, http.StatusOK).Body)
	assert.Contains(t, body, own+"-2")
	assert.NotContains(t, body, foreign)
	assert.NotContains(t, body, "key.created")
}
