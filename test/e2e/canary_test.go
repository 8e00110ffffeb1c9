package e2e_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The canaries: texts that would be recognised wherever they come to light.
const (
	plainCanary  = "canary-plain-c0ffee"
	secretCanary = "canary-secret-c0ffee"
	turnedCanary = "canary-turned-c0ffee"
	strayCanary  = "canary-stray-c0ffee"
	anyCanary    = "c0ffee"
)

// TestCanaries goes through everything that can be done with values that would
// be recognised, and then looks for them where they must not be.
func TestCanaries(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			environ := encryption(t)
			s, stop := run(t, databaseURL, environ...)
			w := &watcher{admin: s.admin(t), reader: s.reader(t), revealer: s.reader(t, "--reveal")}
			w.live(t)
			w.stray(t)
			stop()
			other := boot(t, databaseURL, encryption(t)...)
			w.failToDecrypt(t, other)

			for _, log := range []string{s.log.String(), other.log.String(), s.out.String(), other.out.String()} {
				for line := range strings.Lines(log) {
					require.NotContains(t, line, anyCanary)
					for _, key := range []string{w.admin.key, w.reader.key, w.revealer.key, environ[1][len("ENCRYPTION_KEY="):]} {
						require.NotContains(t, line, key)
					}
				}
			}
			require.Contains(t, s.log.String(), `"level":"debug"`, "the log was looked at in full")
			w.lookInto(t, s)
		})
	}
}

// watcher keeps every answer in mind.
type watcher struct {
	admin, reader, revealer client
	// quiet are the answers that must not hold a secret, failed those that must
	// not hold anything of what was sent.
	quiet, failed []answer
}

// send makes a call whose answer shows no secret.
func (w *watcher) send(tb testing.TB, c client, method, path string, body any, headers ...with) answer {
	tb.Helper()
	a := c.do(tb, method, path, body, headers...)
	if a.status >= http.StatusBadRequest {
		w.failed = append(w.failed, a)
	}
	w.quiet = append(w.quiet, a)
	return a
}

// live does everything that goes well.
func (w *watcher) live(tb testing.TB) {
	tb.Helper()
	for _, d := range []draft{
		{Key: "plain", Value: plainCanary},
		{Key: "secret", Value: secretCanary, IsEncrypted: true},
		{Key: "turned", Value: turnedCanary},
	} {
		d.Environment, d.ServiceName, d.Description = "production", "shop", new("described "+plainCanary)
		made := w.send(tb, w.admin, http.MethodPost, "/api/v1/config/", d).want(tb, http.StatusCreated)
		if d.Key == "turned" {
			// So long as it is plain, it is shown.
			w.quiet = w.quiet[:len(w.quiet)-1]
		}
		w.change(tb, decode[configuration](tb, made), d)
	}
	for _, c := range []client{w.admin, w.reader, w.revealer} {
		w.send(tb, c, http.MethodGet, "/api/v1/config/", nil).want(tb, http.StatusOK)
		w.send(tb, c, http.MethodGet, "/api/v1/config/?deleted=true", nil).want(tb, http.StatusOK)
	}
	w.send(tb, w.reader, http.MethodGet, at("secret"), nil).want(tb, http.StatusOK)
	w.send(tb, w.reader, http.MethodGet, at("turned", "&version=1"), nil).want(tb, http.StatusOK)
	require.Equal(tb, secretCanary, w.revealer.read(tb, "secret").value(), "the canary lives")
}

// change takes a configuration through its life and leaves it with its value.
func (w *watcher) change(tb testing.TB, c configuration, d draft) {
	tb.Helper()
	on := map[string]any{"is_encrypted": d.Key != "plain"}
	w.send(tb, w.admin, http.MethodPut, c.path(), on).want(tb, http.StatusOK)
	w.send(tb, w.admin, http.MethodPut, c.path(), map[string]any{"value": d.Value + " changed"}).want(tb, http.StatusOK)
	w.send(tb, w.admin, http.MethodPut, c.path(), map[string]any{"description": "x"}, with{"If-Match", `"1"`}).want(tb, 412)
	w.send(tb, w.admin, http.MethodPost, c.path()+"/rollback", `{"version":1}`).want(tb, http.StatusOK)
	w.send(tb, w.admin, http.MethodDelete, c.path(), nil).want(tb, http.StatusNoContent)
	w.send(tb, w.admin, http.MethodPost, c.path()+"/rollback", `{"version":2}`)
	w.send(tb, w.admin, http.MethodPost, c.path()+"/rollback", `{"version":1}`)
	w.send(tb, w.admin, http.MethodGet, c.path()+"/history", nil).want(tb, http.StatusOK)
	w.send(tb, w.admin, http.MethodPost, "/api/v1/config/", d).want(tb, http.StatusConflict)
}

// stray puts a canary in every wrong place but one: an unknown member or
// parameter is named, if its name could be one.
func (w *watcher) stray(tb testing.TB) {
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
		w.send(tb, w.admin, http.MethodGet, at("plain", "&"+query+"="+strayCanary), nil)
	}
	for _, path := range []string{"/" + strayCanary, "/api/v1/config/" + strayCanary + "/history", at(strayCanary)} {
		w.send(tb, w.admin, http.MethodGet, path, nil).want(tb, w.failed[len(w.failed)-1].status)
	}
	for _, h := range []with{
		{"If-Match", strayCanary},
		{"Content-Type", strayCanary},
		{"Content-Encoding", strayCanary},
		{"Authorization", "Bearer " + strayCanary},
		{"X-API-Key", strayCanary},
		{"X-Request-Id", strayCanary + "/"},
	} {
		a := w.send(tb, w.admin, http.MethodPut, "/api/v1/config/1", `{"value":5}`, h)
		require.GreaterOrEqual(tb, a.status, http.StatusBadRequest)
	}
}

// failToDecrypt reads with a service that has another key.
func (w *watcher) failToDecrypt(tb testing.TB, s *service) {
	tb.Helper()
	w.send(tb, s.admin(tb), http.MethodGet, at("secret"), nil).want(tb, http.StatusInternalServerError)
	w.send(tb, s.admin(tb), http.MethodGet, at("turned", "&version=1"), nil).want(tb, http.StatusInternalServerError)
}

// lookInto looks for canaries in answers and in the database.
func (w *watcher) lookInto(tb testing.TB, s *service) {
	tb.Helper()
	for _, a := range w.quiet {
		require.NotContains(tb, a.text(), secretCanary)
		require.NotContains(tb, a.text(), turnedCanary)
	}
	require.NotEmpty(tb, w.failed)
	for _, a := range w.failed {
		require.NotContains(tb, a.text(), anyCanary)
	}
	db := openDatabase(tb, s.databaseURL)
	for _, row := range dump(tb, db, allEvents) {
		require.NotContains(tb, row, anyCanary)
	}
	for _, row := range append(dump(tb, db, "configuration_history"), dump(tb, db, "configurations")...) {
		require.NotContains(tb, row, secretCanary)
		require.NotContains(tb, row, turnedCanary)
	}
	for _, row := range dump(tb, db, "api_keys") {
		for _, c := range []client{w.admin, w.reader, w.revealer} {
			require.NotContains(tb, row, c.key[len("sbx_12345678_"):])
		}
	}
	requireNotInFiles(tb, s.databaseURL, secretCanary)
}

// text returns all that was sent, head and body.
func (a answer) text() string {
	var b bytes.Buffer
	_ = a.header.Write(&b)
	b.Write(a.body)
	return b.String()
}

// requireNotInFiles looks through every byte of a SQLite database and its log.
func requireNotInFiles(tb testing.TB, databaseURL, text string) {
	tb.Helper()
	path, ok := strings.CutPrefix(databaseURL, "sqlite://")
	if !ok {
		return
	}
	for _, file := range []string{path, path + "-wal"} {
		content, err := os.ReadFile(file)
		require.NoError(tb, err)
		require.False(tb, bytes.Contains(content, []byte(text)), "%s holds %s", file, text)
		require.False(tb, bytes.Contains(content, []byte(url.QueryEscape(text))))
	}
}
