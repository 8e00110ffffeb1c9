package access_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// sealedPath returns the path of an encrypted value.
func sealedPath(key string) string { return configPath + key + "?service_name=shop&environment=" + own }

// tampering is a service with the encrypted values "one" and "two", of two versions each, that
// was stopped for changes of the database by hand.
type tampering struct {
	databaseURL, key string
	ids              map[string]int64
}

func newTampering(t *testing.T, databaseURL string, rotate bool) tampering {
	t.Helper()
	w := tampering{databaseURL: databaseURL, key: encryptionKey(t), ids: map[string]int64{}}
	s, stop := w.serve(t)
	defer stop()
	admin := s.Admin(t)
	for _, key := range []string{"one", "two"} {
		made := e2etest.Decode[struct{ ID int64 }](t, admin.Post(t, configPath, e2etest.Object{
			"key": key, "value": key + " first", "environment": own, "service_name": "shop", "is_encrypted": true,
		}).Want(t, http.StatusCreated))
		admin.Put(t, e2etest.Configuration{ID: made.ID}.Path(), e2etest.Object{"value": key + " second"}).Want(t, http.StatusOK)
		w.ids[key] = made.ID
	}
	if rotate {
		admin.Post(t, "/api/v1/encryption/rotate", e2etest.Object{}).Want(t, http.StatusOK)
	}
	return w
}

func (w tampering) serve(t *testing.T) (s *e2etest.Server, stop func()) {
	t.Helper()
	return e2etest.Run(t, w.databaseURL, "ENABLE_ENCRYPTION=true", "ENCRYPTION_KEY="+w.key)
}

// exec changes the database: $one and $two are the ids.
func (w tampering) exec(t *testing.T, statement string) {
	t.Helper()
	for key, id := range w.ids {
		statement = strings.ReplaceAll(statement, "$"+key, strconv.FormatInt(id, 10))
	}
	db := e2etest.OpenDatabase(t, w.databaseURL)
	result, err := db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
	n, err := result.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.NoError(t, db.Close())
}

// TestCopiedTokens copies tokens to other rows.
func TestCopiedTokens(t *testing.T) {
	t.Parallel()
	const from = " = (SELECT %s FROM configurations WHERE id = $one)"
	copied := func(columns ...string) string {
		var set []string
		for _, column := range columns {
			set = append(set, column+fmt.Sprintf(from, column))
		}
		return "UPDATE configurations SET " + strings.Join(set, ", ") + " WHERE id = $two"
	}
	cases := []struct {
		name, statement, path string
		rotated               bool
	}{
		{"a token alone", copied("value"), sealedPath("two"), false},
		{"a token with its seal", copied("value", "token_key", "token_mac"), sealedPath("two"), false},
		{
			"a token of an earlier version",
			"UPDATE configurations SET (value, token_key, token_mac) = (SELECT new_value, new_token_key, new_token_mac " +
				"FROM configuration_history WHERE configuration_id = $two AND version = 1) WHERE id = $two",
			sealedPath("two"), false,
		},
		{
			"a token in a history",
			"UPDATE configuration_history SET (new_value, new_token_key, new_token_mac) = (SELECT value, token_key, token_mac " +
				"FROM configurations WHERE id = $one) WHERE configuration_id = $two AND version = 1",
			sealedPath("two") + "&version=1", false,
		},
		{
			"values before and after a version, exchanged",
			"UPDATE configuration_history SET new_value = old_value, new_token_mac = old_token_mac " +
				"WHERE configuration_id = $two AND version = 2",
			sealedPath("two") + "&version=2", false,
		},
		{
			"a token without a seal, after a complete rotation",
			copied("value") + "; UPDATE configurations SET token_key = NULL, token_mac = NULL WHERE id = $two", sealedPath("two"), true,
		},
	}
	for _, store := range e2etest.Stores() {
		for _, c := range cases {
			t.Run(store.Name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				w := newTampering(t, store.New(t), c.rotated)
				for statement := range strings.SplitSeq(c.statement, "; ") {
					w.exec(t, statement)
				}
				s, stop := w.serve(t)
				defer stop()
				admin := s.Admin(t)
				a := admin.Get(t, c.path)
				a.Problem(t, http.StatusInternalServerError, "token_tampered")
				assert.NotContains(t, string(a.Body), "one")
				line := s.Log.Find("token_tampered")
				assert.Contains(t, line, fmt.Sprintf(`"id":%d`, w.ids["two"]))
				logged := awaitLogged(t, admin, "outcome=failed")
				assert.Equal(t, "configuration.reveal", logged.Action)
				assert.Contains(t, string(admin.Get(t, sealedPath("one")).Want(t, http.StatusOK).Body), "one second")
				status := admin.Post(t, "/api/v1/encryption/rotate", e2etest.Object{}).Want(t, http.StatusOK)
				assert.Equal(t, 1, e2etest.Decode[struct{ Tampered int }](t, status).Tampered)
				admin.Get(t, c.path).Problem(t, http.StatusInternalServerError, "token_tampered")
				admin.Put(t, e2etest.Configuration{ID: w.ids["two"]}.Path(), e2etest.Object{"value": "mended"}).Want(t, http.StatusOK)
				assert.Contains(t, string(admin.Get(t, sealedPath("two")).Want(t, http.StatusOK).Body), "mended")
			})
		}
	}
}

// TestTokensOfEarlierVersions has values as a version of before MACs has stored them, and as
// one that runs beside this one changes them.
func TestTokensOfEarlierVersions(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			w := newTampering(t, store.New(t), false)
			w.exec(t, "UPDATE configurations SET version = 3, value = (SELECT new_value FROM configuration_history "+
				"WHERE configuration_id = $two AND version = 1) WHERE id = $two")
			w.exec(t, "INSERT INTO configuration_history (configuration_id, version, action, old_value, old_encrypted, new_value, "+
				"new_encrypted, is_encrypted, changed_by, changed_at, request_id) SELECT configuration_id, 3, 'rollback', new_value, true, "+
				"(SELECT value FROM configurations WHERE id = $two), true, is_encrypted, changed_by, changed_at, request_id "+
				"FROM configuration_history WHERE configuration_id = $two AND version = 2")
			w.exec(t, "UPDATE configurations SET token_key = NULL, token_mac = NULL WHERE id = $one")
			s, stop := w.serve(t)
			defer stop()
			admin := s.Admin(t)
			for range 2 {
				assert.Contains(t, string(admin.Get(t, sealedPath("one")).Want(t, http.StatusOK).Body), "one second")
				assert.Contains(t, string(admin.Get(t, sealedPath("two")).Want(t, http.StatusOK).Body), "two first")
				assert.Contains(t, string(admin.Get(t, sealedPath("two")+"&version=3").Want(t, http.StatusOK).Body), "two first")
				a := admin.Post(t, "/api/v1/encryption/rotate", e2etest.Object{}).Want(t, http.StatusOK)
				rotated := e2etest.Decode[struct{ Rotated, Bound, Tampered int }](t, a)
				assert.Zero(t, rotated.Tampered)
			}
			status := e2etest.Decode[struct {
				Unbound  int
				Enforced bool
			}](t, admin.Get(t, "/api/v1/encryption/status").Want(t, http.StatusOK))
			assert.True(t, status.Enforced)
			assert.Zero(t, status.Unbound)
		})
	}
}

// TestDocumentedMAC compares stored MACs with those of the program in docs/database.md.
func TestDocumentedMAC(t *testing.T) {
	t.Parallel()
	if exec.CommandContext(t.Context(), "python3", "--version").Run() != nil {
		harness.Skip(t, "no Python: apt-get install python3")
	}
	w := newTampering(t, e2etest.NewSQLite(t), false)
	text, err := os.ReadFile("../../../docs/database.md")
	require.NoError(t, err)
	_, program, _ := strings.Cut(string(text), "<!-- mac:begin -->\n```python\n")
	program, _, found := strings.Cut(program, "```\n<!-- mac:end -->")
	require.True(t, found)
	program += `
import sqlite3, sys
path, key = sys.argv[1:]
rows = sqlite3.connect(path).execute("""
    SELECT c.environment, c.service_name, c.key, c.version, c.value, c.token_key, c.token_mac FROM configurations AS c
    UNION ALL SELECT i.environment, i.service_name, i.key, h.version, h.new_value, h.new_token_key, h.new_token_mac
    FROM configuration_history AS h JOIN configuration_ids AS i ON i.id = h.configuration_id
    UNION ALL SELECT i.environment, i.service_name, i.key, h.version - 1, h.old_value, h.old_token_key, h.old_token_mac
    FROM configuration_history AS h JOIN configuration_ids AS i ON i.id = h.configuration_id WHERE h.old_value IS NOT NULL
""").fetchall()
for environment, service, name, version, token, token_key, mac in rows:
    assert token_key == fingerprint(key), (name, version)
    assert mac == token_mac(key, environment, service, name, version, token), (name, version)
print(len(rows))
`
	python := exec.CommandContext(t.Context(), "python3", "-c", program, strings.TrimPrefix(w.databaseURL, "sqlite://"), w.key)
	out, err := python.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, "8\n", string(out))
}
