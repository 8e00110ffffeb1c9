package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/bootstrap"
)

// command runs a command of the program in this process, on the service's
// database, and returns what it printed.
func (s *service) command(tb testing.TB, args ...string) string {
	tb.Helper()
	out, notes := newLines(), newLines()
	code := bootstrap.Run(tb.Context(), bootstrap.Process{
		Version: "e2e", Args: args, Environ: []string{"DATABASE_URL=" + s.databaseURL}, Out: out, Err: notes,
	})
	require.Zero(tb, code, "%s", notes)
	return strings.TrimSpace(out.String())
}

// reader returns a client with a new reader's key.
func (s *service) reader(tb testing.TB, flags ...string) client {
	tb.Helper()
	args := append([]string{"key", "create", "--name", "a reader", "--role", "reader"}, flags...)
	return client{url: s.url, key: s.command(tb, args...)}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			s := boot(t, databaseURL)
			admin := s.admin(t)
			known := admin.create(t, "known", "v")

			t.Run("a key is taken in each of its three headers", func(t *testing.T) {
				t.Parallel()
				for _, h := range []with{
					{"Authorization", "ApiKey " + admin.key},
					{"Authorization", "Bearer " + admin.key},
					{"Authorization", "bearer " + admin.key},
					{"X-API-Key", admin.key},
				} {
					s.anonymous().get(t, at("known"), h).want(t, http.StatusOK)
				}
			})

			t.Run("without a key, or with a wrong one, nobody is let in", func(t *testing.T) {
				t.Parallel()
				for code, list := range map[string][]client{
					"api_key_required": {s.anonymous()},
					"api_key_invalid": {
						{url: s.url, key: "sbx_nonsense"},
						{url: s.url, key: admin.key[:len(admin.key)-1] + "!"},
						{url: s.url, key: strings.Replace(admin.key, "e2eadmin", "e2eother", 1)},
					},
				} {
					for _, c := range list {
						for _, path := range []string{at("known"), "/api/v1/config/", known.path() + "/history", "/api/v1/nowhere"} {
							a := c.get(t, path)
							a.problem(t, http.StatusUnauthorized, code)
							require.NotEmpty(t, a.header.Values("WWW-Authenticate"))
						}
						c.post(t, "/api/v1/config/", draft{}).problem(t, http.StatusUnauthorized, code)
						c.put(t, known.path(), "{}").problem(t, http.StatusUnauthorized, code)
						c.delete(t, known.path()).problem(t, http.StatusUnauthorized, code)
					}
				}
			})

			t.Run("a browser's preflight needs none", func(t *testing.T) {
				t.Parallel()
				a := s.anonymous().do(t, http.MethodOptions, "/api/v1/config/", nil,
					with{"Origin", "https://example.org"}, with{"Access-Control-Request-Method", "POST"})
				a.want(t, http.StatusNoContent)
				require.Empty(t, a.header.Get("Access-Control-Allow-Origin"))
			})

			t.Run("a reader reads, and writes nothing", func(t *testing.T) {
				t.Parallel()
				reader := s.reader(t)
				reader.get(t, at("known")).want(t, http.StatusOK)
				reader.get(t, "/api/v1/config/").want(t, http.StatusOK)
				reader.get(t, known.path()+"/history").want(t, http.StatusOK)
				reader.post(t, "/api/v1/config/", draft{
					Key: "x", Environment: "production", ServiceName: "shop",
				}).problem(t, http.StatusForbidden, "forbidden")
				reader.put(t, known.path(), map[string]any{"value": "w"}).problem(t, http.StatusForbidden, "forbidden")
				reader.delete(t, known.path()).problem(t, http.StatusForbidden, "forbidden")
				reader.post(t, known.path()+"/rollback", `{"version":1}`).problem(t, http.StatusForbidden, "forbidden")
				require.Equal(t, known, admin.read(t, "known"))
			})

			t.Run("what a key wrote carries its name", func(t *testing.T) {
				t.Parallel()
				c := client{url: s.url, key: s.command(t, "key", "create", "--name", "deploy robot", "--role", "admin")}
				require.Equal(t, "deploy robot", c.create(t, "signed", "v").UpdatedBy)
			})

			t.Run("a revoked key stops working", func(t *testing.T) {
				t.Parallel()
				c := s.reader(t)
				c.get(t, at("known")).want(t, http.StatusOK)
				require.Contains(t, s.command(t, "key", "list"), "a reader")
				s.command(t, "key", "revoke", strings.Split(c.key, "_")[1])
				require.Eventually(t, func() bool { return c.get(t, at("known")).status == http.StatusUnauthorized },
					patience, 50*time.Millisecond)
				require.NotContains(t, s.command(t, "key", "list"), c.key)
			})
		})
	}
}

func TestAnonymousAccess(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"ALLOW_ANONYMOUS_ACCESS=true", "REQUIRE_API_KEY=false"} {
		t.Run("with "+setting+" reads need no key, and writes do", func(t *testing.T) {
			t.Parallel()
			s := boot(t, freshSQLite(t), append(encryption(t), setting)...)
			s.admin(t).create(t, "open", "v")
			s.admin(t).createDraft(t, draft{
				Key: "hidden", Value: "v", Environment: "production", ServiceName: "shop", IsEncrypted: true,
			})
			c := s.anonymous()
			require.Equal(t, "v", c.read(t, "open").value())
			require.True(t, c.read(t, "hidden").ValueRedacted)
			require.Nil(t, c.read(t, "hidden").Value)
			c.post(t, "/api/v1/config/", draft{
				Key: "x", Environment: "production", ServiceName: "shop",
			}).problem(t, http.StatusUnauthorized, "api_key_required")
			client{url: s.url, key: "sbx_wrong"}.get(t, at("open")).problem(t, http.StatusUnauthorized, "api_key_invalid")
		})
	}

	t.Run("with AUTH_ENABLED=false everything is allowed, and the start warns of it", func(t *testing.T) {
		t.Parallel()
		s := boot(t, freshSQLite(t), "AUTH_ENABLED=false")
		made := s.anonymous().create(t, "open", "v")
		require.Equal(t, "anonymous", made.UpdatedBy)
		s.anonymous().delete(t, made.path()).want(t, http.StatusNoContent)
		require.Contains(t, s.log.find("AUTH_ENABLED=false"), `"level":"warn"`)
	})
}

func TestOpenPages(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			s := boot(t, databaseURL, "SERVICE_NAME=signal-test")
			c := s.anonymous()

			for _, path := range []string{"/livez", "/readyz", "/", "/openapi.json", "/openapi.yaml", "/docs", "/health"} {
				t.Run("open to everybody: "+path, func(t *testing.T) {
					t.Parallel()
					a := c.get(t, path).want(t, http.StatusOK)
					require.NotEmpty(t, a.body)
					require.NotEmpty(t, a.header.Get("X-Request-Id"))
				})
			}

			t.Run("health tells of every part", func(t *testing.T) {
				t.Parallel()
				h := decode[object](t, c.get(t, "/health"))
				require.NotEmpty(t, h["timestamp"])
				delete(h, "timestamp")
				require.Equal(t, object{
					"status": "healthy", "service": "signal-test", "version": "e2e", "database": "healthy",
					"redis": "disabled", "kafka": "disabled",
				}, h)
			})

			t.Run("the documentation loads nothing from elsewhere", func(t *testing.T) {
				t.Parallel()
				require.NotRegexp(t, `(src|href)="(https?:)?//`, string(c.get(t, "/docs").body))
			})
		})
	}
}
