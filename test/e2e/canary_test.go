package e2e_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// The canaries are recognisable values.
const (
	plainCanary  = "canary-plain-c0ffee"
	secretCanary = "canary-secret-c0ffee"
	turnedCanary = "canary-turned-c0ffee"
	strayCanary  = "canary-stray-c0ffee"
	anyCanary    = "c0ffee"
)

// TestCanaries calls every operation with recognisable values, and then searches for them
// where they must not be.
func TestCanaries(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			environ := e2etest.Encryption(t)
			s, stop := e2etest.Run(t, databaseURL, environ...)
			w := &recorder{admin: s.Admin(t), reader: s.Reader(t), revealer: s.Reader(t, "--reveal")}
			w.succeed(t)
			w.manage(t)
			w.fail(t)
			stop()
			e2etest.SealUnderAnotherKey(t, databaseURL)
			other := e2etest.Boot(t, databaseURL, environ...)
			w.failToDecrypt(t, other)

			for _, log := range []string{s.Log.String(), other.Log.String(), s.Out.String(), other.Out.String()} {
				for line := range strings.Lines(log) {
					require.NotContains(t, line, anyCanary)
					for _, key := range append(w.keys, w.admin.Key, w.reader.Key, w.revealer.Key, environ[1][len("ENCRYPTION_KEY="):]) {
						require.NotContains(t, line, key)
					}
				}
			}
			require.Contains(t, s.Log.String(), `"level":"debug"`, "the log has all levels")
			w.search(t, s)
		})
	}
}

// recorder keeps every response.
type recorder struct {
	admin, reader, revealer e2etest.Client
	// quiet are the responses that must not contain a secret, failed those that must not
	// contain any value of the request.
	quiet, failed []e2etest.Response
	// keys are those that were made over HTTP.
	keys []string
}

// manage makes and rotates an API key, rotates the encryption, and reads the audit log.
func (w *recorder) manage(tb testing.TB) {
	tb.Helper()
	const keys = "/api/v1/access/keys/"
	body := e2etest.Object{"name": "web", "grants": []e2etest.Object{{"role": "reader"}}}
	made := e2etest.Decode[struct{ ID, Key string }](tb, w.admin.Post(tb, keys, body).Want(tb, http.StatusCreated))
	rotated := e2etest.Decode[struct{ Key string }](tb,
		w.admin.Post(tb, keys+made.ID+"/rotate", e2etest.Object{"overlap_seconds": 60}).Want(tb, http.StatusOK))
	w.keys = []string{made.Key, rotated.Key}
	w.admin.Post(tb, "/api/v1/encryption/rotate", e2etest.Object{}).Want(tb, http.StatusOK)
	for _, path := range []string{keys, keys + made.ID, "/api/v1/audit/?limit=1000", "/api/v1/encryption/status"} {
		a := w.send(tb, w.admin, http.MethodGet, path, nil).Want(tb, http.StatusOK)
		for _, key := range append(w.keys, w.admin.Key, w.reader.Key) {
			require.NotContains(tb, a.Text(), key)
		}
	}
}

// send makes a call whose response must not contain a secret.
func (w *recorder) send(tb testing.TB, c e2etest.Client, method, path string, body any, headers ...e2etest.Header) e2etest.Response {
	tb.Helper()
	a := c.Do(tb, method, path, body, headers...)
	if a.Status >= http.StatusBadRequest {
		w.failed = append(w.failed, a)
	}
	w.quiet = append(w.quiet, a)
	return a
}

// succeed makes all calls that succeed.
func (w *recorder) succeed(tb testing.TB) {
	tb.Helper()
	for _, d := range []e2etest.Draft{
		{Key: "plain", Value: plainCanary},
		{Key: "secret", Value: secretCanary, IsEncrypted: true},
		{Key: "turned", Value: turnedCanary},
	} {
		d.Environment, d.ServiceName, d.Description = "production", "shop", new("described "+plainCanary)
		made := w.send(tb, w.admin, http.MethodPost, "/api/v1/config/", d).Want(tb, http.StatusCreated)
		if d.Key == "turned" {
			// An unencrypted value is not redacted.
			w.quiet = w.quiet[:len(w.quiet)-1]
		}
		w.change(tb, e2etest.Decode[e2etest.Configuration](tb, made), d)
	}
	for _, c := range []e2etest.Client{w.admin, w.reader, w.revealer} {
		w.send(tb, c, http.MethodGet, "/api/v1/config/", nil).Want(tb, http.StatusOK)
		w.send(tb, c, http.MethodGet, "/api/v1/config/?deleted=true", nil).Want(tb, http.StatusOK)
	}
	w.send(tb, w.reader, http.MethodGet, e2etest.ReadPath("secret"), nil).Want(tb, http.StatusOK)
	w.send(tb, w.reader, http.MethodGet, e2etest.ReadPath("turned", "&version=1"), nil).Want(tb, http.StatusOK)
	require.Equal(tb, secretCanary, w.revealer.Read(tb, "secret").ShownValue(), "the canary is stored")
}

// change updates, deletes and restores a configuration with its value.
func (w *recorder) change(tb testing.TB, c e2etest.Configuration, d e2etest.Draft) {
	tb.Helper()
	on := map[string]any{"is_encrypted": d.Key != "plain"}
	w.send(tb, w.admin, http.MethodPut, c.Path(), on).Want(tb, http.StatusOK)
	w.send(tb, w.admin, http.MethodPut, c.Path(), map[string]any{"value": d.Value + " changed"}).Want(tb, http.StatusOK)
	w.send(tb, w.admin, http.MethodPut, c.Path(), map[string]any{"description": "x"}, e2etest.With("If-Match", `"1"`)).Want(tb, 412)
	w.send(tb, w.admin, http.MethodPost, c.Path()+"/rollback", `{"version":1}`).Want(tb, http.StatusOK)
	w.send(tb, w.admin, http.MethodDelete, c.Path(), nil).Want(tb, http.StatusNoContent)
	w.send(tb, w.admin, http.MethodPost, c.Path()+"/rollback", `{"version":2}`)
	w.send(tb, w.admin, http.MethodPost, c.Path()+"/rollback", `{"version":1}`)
	w.send(tb, w.admin, http.MethodGet, c.Path()+"/history", nil).Want(tb, http.StatusOK)
	w.send(tb, w.admin, http.MethodPost, "/api/v1/config/", d).Want(tb, http.StatusConflict)
}

// fail sends a canary in every invalid place except names: errors name an unknown field or
// parameter.
func (w *recorder) fail(tb testing.TB) {
	tb.Helper()
	quoted := `"` + strayCanary + `"`
	for _, body := range []string{
		strayCanary, quoted, "[" + quoted + "]", `{"key":` + quoted, `{"` + strayCanary + ` is no name":1}`, `{"value":{"a":` + quoted + `}}`,
		`{"key":[` + quoted + `],"value":` + quoted + `,"environment":` + quoted + `,"service_name":"` + strayCanary + ` !"}`,
		`{"key":"` + strayCanary + `//","value":"` + strayCanary + `\u0000","environment":"production","service_name":"s"}`,
		`{"is_encrypted":` + quoted + `}`, `{"version":` + quoted + `}`, `{"value":` + quoted + `,"value":` + quoted + `}`,
	} {
		for method, path := range map[string]string{
			http.MethodPost: "/api/v1/config/", http.MethodPut: "/api/v1/config/1",
		} {
			w.send(tb, w.admin, method, path, body)
		}
		w.send(tb, w.admin, http.MethodPost, "/api/v1/config/1/rollback", body)
	}
	for _, query := range []string{"limit", "offset", "version", "at", "environment", "service_name", "x"} {
		w.send(tb, w.admin, http.MethodGet, "/api/v1/config/?"+query+"="+strayCanary+"!", nil)
		w.send(tb, w.admin, http.MethodGet, e2etest.ReadPath("plain", "&"+query+"="+strayCanary), nil)
	}
	for _, path := range []string{"/" + strayCanary, "/api/v1/config/" + strayCanary + "/history", e2etest.ReadPath(strayCanary)} {
		w.send(tb, w.admin, http.MethodGet, path, nil).Want(tb, w.failed[len(w.failed)-1].Status)
	}
	for _, h := range []e2etest.Header{
		e2etest.With("If-Match", strayCanary),
		e2etest.With("Content-Type", strayCanary),
		e2etest.With("Content-Encoding", strayCanary),
		e2etest.With("Authorization", "Bearer "+strayCanary),
		e2etest.With("X-API-Key", strayCanary),
		e2etest.With("X-Request-Id", strayCanary+"/"),
	} {
		a := w.send(tb, w.admin, http.MethodPut, "/api/v1/config/1", `{"value":5}`, h)
		require.GreaterOrEqual(tb, a.Status, http.StatusBadRequest)
	}
}

// failToDecrypt reads with a service that has another key.
func (w *recorder) failToDecrypt(tb testing.TB, s *e2etest.Server) {
	tb.Helper()
	w.send(tb, s.Admin(tb), http.MethodGet, e2etest.ReadPath("secret"), nil).Want(tb, http.StatusInternalServerError)
	w.send(tb, s.Admin(tb), http.MethodGet, e2etest.ReadPath("turned", "&version=1"), nil).Want(tb, http.StatusInternalServerError)
}

// search searches responses and the database for canaries.
func (w *recorder) search(tb testing.TB, s *e2etest.Server) {
	tb.Helper()
	for _, a := range w.quiet {
		require.NotContains(tb, a.Text(), secretCanary)
		require.NotContains(tb, a.Text(), turnedCanary)
	}
	require.NotEmpty(tb, w.failed)
	for _, a := range w.failed {
		require.NotContains(tb, a.Text(), anyCanary)
	}
	db := e2etest.OpenDatabase(tb, s.DatabaseURL)
	for _, row := range e2etest.Dump(tb, db, e2etest.AllEvents) {
		require.NotContains(tb, row, anyCanary)
	}
	for _, row := range append(e2etest.Dump(tb, db, "configuration_history"), e2etest.Dump(tb, db, "configurations")...) {
		require.NotContains(tb, row, secretCanary)
		require.NotContains(tb, row, turnedCanary)
	}
	audited := append(e2etest.Dump(tb, db, "(SELECT sequence AS id, entry FROM audit) AS a"), e2etest.Dump(tb, db, "audit_pending")...)
	require.NotEmpty(tb, audited)
	for _, row := range audited {
		require.NotContains(tb, row, anyCanary)
	}
	for _, row := range append(audited, e2etest.Dump(tb, db, "api_keys")...) {
		for _, key := range append(w.keys, w.admin.Key, w.reader.Key, w.revealer.Key) {
			require.NotContains(tb, row, key[len("sbx_12345678_"):])
		}
	}
	requireNotInFiles(tb, s.DatabaseURL, secretCanary)
}

// requireNotInFiles searches the files of a SQLite database, the write-ahead log included.
func requireNotInFiles(tb testing.TB, databaseURL, text string) {
	tb.Helper()
	path, ok := strings.CutPrefix(databaseURL, "sqlite://")
	if !ok {
		return
	}
	for _, file := range []string{path, path + "-wal"} {
		content, err := os.ReadFile(file)
		require.NoError(tb, err)
		require.False(tb, bytes.Contains(content, []byte(text)), "%s contains %s", file, text)
		require.False(tb, bytes.Contains(content, []byte(url.QueryEscape(text))))
	}
}
