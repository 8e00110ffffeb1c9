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
	onEachStore(t, func(t *testing.T, databaseURL string) {
		environ := encryption(t)
		s := boot(t, databaseURL, environ...)
		w := &watcher{admin: s.admin(t), reader: s.reader(t), revealer: s.reader(t, "--reveal")}
		w.live(t)
		w.stray(t)
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

// watcher keeps every answer in mind.
type watcher struct {
	admin, reader, revealer client
	// quiet are the answers that must not hold a secret, failed those that must
	// not hold anything of what was sent.
	quiet, failed []answer
}

// send makes a call whose answer shows no secret.
func (w *watcher) send(t testing.TB, c client, method, path string, body any, headers ...with) answer {
	t.Helper()
	a := c.do(t, method, path, body, headers...)
	if a.status >= http.StatusBadRequest {
		w.failed = append(w.failed, a)
	}
	w.quiet = append(w.quiet, a)
	return a
}

// live does everything that goes well.
func (w *watcher) live(t testing.TB) {
	t.Helper()
	for _, d := range []draft{
		{Key: "plain", Value: plainCanary}, {Key: "secret", Value: secretCanary, IsEncrypted: true},
		{Key: "turned", Value: turnedCanary},
	} {
		d.Environment, d.ServiceName, d.Description = "production", "shop", ptr("described "+plainCanary)
		made := w.send(t, w.admin, http.MethodPost, "/api/v1/config/", d).want(t, http.StatusCreated)
		if d.Key == "turned" {
			// So long as it is plain, it is shown.
			w.quiet = w.quiet[:len(w.quiet)-1]
		}
		w.change(t, decode[configuration](t, made), d)
	}
	for _, c := range []client{w.admin, w.reader, w.revealer} {
		w.send(t, c, http.MethodGet, "/api/v1/config/", nil).want(t, http.StatusOK)
		w.send(t, c, http.MethodGet, "/api/v1/config/?deleted=true", nil).want(t, http.StatusOK)
	}
	w.send(t, w.reader, http.MethodGet, at("secret"), nil).want(t, http.StatusOK)
	w.send(t, w.reader, http.MethodGet, at("turned", "&version=1"), nil).want(t, http.StatusOK)
	require.Equal(t, secretCanary, w.revealer.read(t, "secret").value(), "the canary lives")
}

// change takes a configuration through its life and leaves it with its value.
func (w *watcher) change(t testing.TB, c configuration, d draft) {
	t.Helper()
	on := map[string]any{"is_encrypted": d.Key != "plain"}
	w.send(t, w.admin, http.MethodPut, c.path(), on).want(t, http.StatusOK)
	w.send(t, w.admin, http.MethodPut, c.path(), map[string]any{"value": d.Value + " changed"}).want(t, http.StatusOK)
	w.send(t, w.admin, http.MethodPut, c.path(), map[string]any{"description": "x"}, with{"If-Match", `"1"`}).want(t, 412)
	w.send(t, w.admin, http.MethodPost, c.path()+"/rollback", `{"version":1}`).want(t, http.StatusOK)
	w.send(t, w.admin, http.MethodDelete, c.path(), nil).want(t, http.StatusNoContent)
	w.send(t, w.admin, http.MethodPost, c.path()+"/rollback", `{"version":2}`)
	w.send(t, w.admin, http.MethodPost, c.path()+"/rollback", `{"version":1}`)
	w.send(t, w.admin, http.MethodGet, c.path()+"/history", nil).want(t, http.StatusOK)
	w.send(t, w.admin, http.MethodPost, "/api/v1/config/", d).want(t, http.StatusConflict)
}

// stray puts a canary in every wrong place but one: an unknown member or
// parameter is named, if its name could be one.
func (w *watcher) stray(t testing.TB) {
	t.Helper()
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
			w.send(t, w.admin, method, path, body)
		}
		w.send(t, w.admin, http.MethodPost, "/api/v1/config/1/rollback", body)
	}
	for _, query := range []string{"limit", "offset", "version", "at", "environment", "service_name", "x"} {
		w.send(t, w.admin, http.MethodGet, "/api/v1/config/?"+query+"="+strayCanary+"!", nil)
		w.send(t, w.admin, http.MethodGet, at("plain", "&"+query+"="+strayCanary), nil)
	}
	for _, path := range []string{"/" + strayCanary, "/api/v1/config/" + strayCanary + "/history", at(strayCanary)} {
		w.send(t, w.admin, http.MethodGet, path, nil).want(t, w.failed[len(w.failed)-1].status)
	}
	for _, h := range []with{
		{"If-Match", strayCanary}, {"Content-Type", strayCanary}, {"Content-Encoding", strayCanary},
		{"Authorization", "Bearer " + strayCanary}, {"X-API-Key", strayCanary}, {"X-Request-Id", strayCanary + "/"},
	} {
		a := w.send(t, w.admin, http.MethodPut, "/api/v1/config/1", `{"value":5}`, h)
		require.GreaterOrEqual(t, a.status, http.StatusBadRequest)
	}
}

// failToDecrypt reads with a service that has another key.
func (w *watcher) failToDecrypt(t testing.TB, s *service) {
	t.Helper()
	w.send(t, s.admin(t), http.MethodGet, at("secret"), nil).want(t, http.StatusInternalServerError)
	w.send(t, s.admin(t), http.MethodGet, at("turned", "&version=1"), nil).want(t, http.StatusInternalServerError)
}

// lookInto looks for canaries in answers and in the database.
func (w *watcher) lookInto(t testing.TB, s *service) {
	t.Helper()
	for _, a := range w.quiet {
		require.NotContains(t, a.text(), secretCanary)
		require.NotContains(t, a.text(), turnedCanary)
	}
	require.NotEmpty(t, w.failed)
	for _, a := range w.failed {
		require.NotContains(t, a.text(), anyCanary)
	}
	db := openDatabase(t, s.databaseURL)
	for _, row := range dump(t, db, "outbox") {
		require.NotContains(t, row, anyCanary)
	}
	for _, row := range append(dump(t, db, "configuration_history"), dump(t, db, "configurations")...) {
		require.NotContains(t, row, secretCanary)
		require.NotContains(t, row, turnedCanary)
	}
	for _, row := range dump(t, db, "api_keys") {
		for _, c := range []client{w.admin, w.reader, w.revealer} {
			require.NotContains(t, row, c.key[len("sbx_12345678_"):])
		}
	}
	requireNotInFiles(t, s.databaseURL, secretCanary)
}

// text returns all that was sent, head and body.
func (a answer) text() string {
	var b bytes.Buffer
	_ = a.header.Write(&b)
	b.Write(a.body)
	return b.String()
}

// requireNotInFiles looks through every byte of a SQLite database and its log.
func requireNotInFiles(t testing.TB, databaseURL, text string) {
	t.Helper()
	path, ok := strings.CutPrefix(databaseURL, "sqlite://")
	if !ok {
		return
	}
	for _, file := range []string{path, path + "-wal"} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.False(t, bytes.Contains(content, []byte(text)), "%s holds %s", file, text)
		require.False(t, bytes.Contains(content, []byte(url.QueryEscape(text))))
	}
}
