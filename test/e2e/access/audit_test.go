package access_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
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
			tag := w.admin.Get(t, configPath+"sealed?service_name=shop&environment="+own).Want(t, http.StatusOK).Header.Get("ETag")
			reveals := func() (n int64) {
				list := e2etest.Decode[struct{ Entries []logged }](t,
					w.admin.Get(t, auditPath+"?action=configuration.reveal").Want(t, http.StatusOK)).Entries
				for _, e := range list {
					n += e.Count
				}
				return n
			}
			require.Eventually(t, func() bool { return reveals() == 4 }, e2etest.Timeout, e2etest.PollInterval)
			for _, h := range []e2etest.Header{{Name: "If-None-Match", Value: tag}, {Name: "If-None-Match", Value: "*"}} {
				w.admin.Do(t, http.MethodGet, configPath+"sealed?service_name=shop&environment="+own, nil, h).
					Want(t, http.StatusNotModified)
			}
			w.admin.Do(t, http.MethodGet, configPath+"sealed?service_name=shop&environment="+own, nil,
				e2etest.Header{Name: "If-Match", Value: `"9"`}).Want(t, http.StatusPreconditionFailed)

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

			assert.Equal(t, int64(4), reveals(), "304 and 412 have no value")

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
	reader.Post(t, "/api/v1/access/check", e2etest.Object{"action": "flag.read", "key_id": "e2eadmin"}).
		Problem(t, http.StatusForbidden, "forbidden")
	evaluator, evaluatorID := w.key(t, grant("evaluator", false))
	evaluator.Get(t, "/api/v1/changes?wait=0s&type=configuration").Problem(t, http.StatusForbidden, "forbidden")
	reader.Post(t, "/api/v1/feature-flags/evaluate", e2etest.Object{
		"flag_name": "checkout", "environment": foreign, "user_id": "u",
	}).Problem(t, http.StatusForbidden, "forbidden")
	elsewhere := e2etest.Decode[struct{ ID, Key string }](t, w.admin.Post(t, keysPath, e2etest.Object{
		"name": "elsewhere", "grants": []e2etest.Object{{"role": "reader"}}, "networks": []string{"192.0.2.0/24"},
	}).Want(t, http.StatusCreated))
	away := reader
	away.Key = elsewhere.Key
	away.Get(t, configPath).Problem(t, http.StatusForbidden, "address_not_allowed")
	nobody := reader
	nobody.Key = "sbx_nonsense"
	nobody.Get(t, configPath).Problem(t, http.StatusUnauthorized, "api_key_invalid")
	stop()

	again := e2etest.Boot(t, databaseURL).Admin(t)
	write := awaitLogged(t, again, "action=configuration.write&outcome=denied")
	assert.Equal(t, id, write.Actor.KeyID)
	assert.Equal(t, int64(2), write.Count)
	assert.Equal(t, "POST "+configPath, write.Resource.Name)
	read := awaitLogged(t, again, "action=configuration.read&outcome=denied&actor_key_id="+id)
	assert.Equal(t, foreign, read.Resource.Environment, "what is out of scope was denied, though it was 404")
	assert.Equal(t, id, awaitLogged(t, again, "action=key.manage&outcome=denied").Actor.KeyID)
	watched := awaitLogged(t, again, "outcome=denied&actor_key_id="+evaluatorID)
	assert.Equal(t, "configuration.read", watched.Action)
	evaluated := awaitLogged(t, again, "action=flag.evaluate&outcome=denied")
	assert.Equal(t, foreign, evaluated.Resource.Environment, "which the body names")
	assert.Equal(t, elsewhere.ID, awaitLogged(t, again, "outcome=denied&actor_key_id="+elsewhere.ID).Actor.KeyID)
	assert.Empty(t, awaitLogged(t, again, "action=authenticate&name=").Actor.KeyID)
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
			const forged = "INSERT INTO audit SELECT 4000000000, entry, hash, occurred_at, actor_key, action, outcome, " +
				"resource_type, environment, service_name, name FROM audit WHERE sequence = 1"
			require.Error(t, exec("DELETE FROM audit WHERE sequence = 3"), "the log is append-only")
			require.Error(t, exec(forged), "a row must follow the last entry")
			triggers := []string{"audit_is_not_updated", "audit_is_not_deleted", "audit_follows_its_head", "audit_moves_its_head"}
			if store.Name == "PostgreSQL" {
				triggers = []string{
					"audit_is_append_only ON audit", "audit_keeps_its_entries ON audit", "audit_follows_its_head ON audit",
				}
			}
			for _, trigger := range triggers {
				require.NoError(t, exec("DROP TRIGGER "+trigger))
			}
			require.NoError(t, exec(forged))
			broken := verify()
			require.False(t, broken.Intact)
			assert.Equal(t, int64(4000000000), broken.Broken.Sequence)
			verifyExport(t, s.Command(t, "audit", "export"), "intact: ")
			w.configuration(t, own)
			assert.NotEmpty(t, awaitLogged(t, w.admin, "action=audit.rejected"), "it does not stop the log")
			require.True(t, verify().Intact)

			updated := func(n int) int64 {
				return awaitLogged(t, w.admin, fmt.Sprintf("action=configuration.updated&name=%s-%d", own, n)).Sequence
			}
			deleted, entry, column := updated(2), updated(3), updated(4)
			require.NoError(t, exec(fmt.Sprintf("UPDATE audit SET name = 'other' WHERE sequence = %d", column)))
			verifyExport(t, s.Command(t, "audit", "export"), fmt.Sprintf("broken at entry %d\n", column))
			require.NoError(t, exec(fmt.Sprintf(
				"UPDATE audit SET entry = replace(entry, 'e2eadmin', 'somebody') WHERE sequence = %d", entry)))
			broken = verify()
			require.False(t, broken.Intact)
			assert.Equal(t, entry, broken.Broken.Sequence)
			verifyExport(t, s.Command(t, "audit", "export"), fmt.Sprintf("broken at entry %d\n", entry))
			require.NoError(t, exec(fmt.Sprintf("DELETE FROM audit WHERE sequence = %d", deleted)))
			assert.Equal(t, deleted, verify().Broken.Sequence)
			assert.Equal(t, "missing", verify().Broken.Reason)
			verifyExport(t, s.Command(t, "audit", "export"), fmt.Sprintf("broken at entry %d\n", deleted))
		})
	}
}

// TestVerifier runs the verifier of docs/access.md on exports that are wrong.
func TestVerifier(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewSQLite(t)
	s := e2etest.Boot(t, databaseURL)
	w := &world{admin: s.Admin(t)}
	w.configuration(t, own)
	awaitLogged(t, w.admin, "action=configuration.created")
	w.admin.Get(t, auditPath+"verify?from=4000000").Problem(t, http.StatusUnprocessableEntity, "validation_failed")
	export := s.Command(t, "audit", "export")
	lines := strings.SplitAfter(strings.TrimSuffix(export, "\n"), "\n")
	last := lines[len(lines)-1] + "\n"
	lines[len(lines)-1] = last
	for name, row := range map[string]struct {
		export []string
		want   string
	}{
		"nothing":          {nil, "incomplete: no end after entry 0"},
		"no entries":       {[]string{lines[0], `{"end":` + strings.TrimPrefix(lines[0], `{"start":`)}, "nothing checked"},
		"without an end":   {lines[:3], "incomplete: no end after entry 2"},
		"a cut end":        {[]string{lines[0], lines[1], last}, "broken at entry 2"},
		"no JSON":          {[]string{lines[0], "{\n"}, "broken at entry 1"},
		"no UTF-8":         {[]string{lines[0], "\xff\n"}, "broken at entry 1"},
		"another type":     {[]string{lines[0], "[]\n"}, "broken at entry 1"},
		"no object":        {[]string{lines[0], "7\n"}, "broken at entry 1"},
		"deep":             {[]string{lines[0], strings.Repeat("[", 100_000) + "\n"}, "broken at entry 1"},
		"repeated members": {[]string{lines[0], `{"hash":"",` + lines[1][1:]}, "broken at entry 1"},
		"other spelling":   {[]string{lines[0], " " + lines[1]}, "broken at entry 1"},
		"more members":     {[]string{lines[0], strings.Replace(lines[1], `,"hash":`, `,"f":1,"hash":`, 1)}, "broken at entry 1"},
		"after the end":    {append(slices.Clone(lines), lines[1]), "broken at entry"},
		"whole":            {lines, "intact: entries 1 to "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verifyExport(t, strings.Join(row.export, ""), row.want)
		})
	}
}

// TestPrunedLog removes entries, which leaves a log that goes on.
func TestPrunedLog(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			s := e2etest.Boot(t, store.New(t))
			w := &world{admin: s.Admin(t)}
			for range 3 {
				w.configuration(t, own)
			}
			last := awaitLogged(t, w.admin, "action=configuration.updated&name="+own+"-3")
			assert.Contains(t, s.Command(t, "audit", "prune", "--before", "2020-01-31"), "removed 0 entries")
			assert.Regexp(t, `^removed \d+ entries; the log begins after \d+ [0-9a-f]{64}$`,
				s.Command(t, "audit", "prune", "--before", "2200-01-31"))
			pruned := awaitLogged(t, w.admin, "action=audit.pruned")
			assert.GreaterOrEqual(t, pruned.Sequence, last.Sequence)
			w.configuration(t, own)
			awaitLogged(t, w.admin, "action=configuration.updated&name="+own+"-4")
			verified := e2etest.Decode[struct {
				Intact  bool
				Checked int64
				Start   struct{ Sequence int64 }
			}](t, w.admin.Get(t, auditPath+"verify").Want(t, http.StatusOK))
			assert.True(t, verified.Intact)
			assert.NotZero(t, verified.Checked)
			assert.GreaterOrEqual(t, verified.Start.Sequence, last.Sequence)
			assert.Contains(t, s.Command(t, "audit", "verify"), "up to which the log was pruned")
			verifyExport(t, s.Command(t, "audit", "export"), "intact: entries ")
			w.admin.Get(t, auditPath+"verify?from=1").Problem(t, http.StatusUnprocessableEntity, "validation_failed")
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
