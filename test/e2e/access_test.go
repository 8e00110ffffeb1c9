package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			s := e2etest.Boot(t, databaseURL)
			admin := s.Admin(t)
			known := admin.Create(t, "known", "v")

			t.Run("a key is accepted in each of its three headers", func(t *testing.T) {
				t.Parallel()
				for _, h := range []e2etest.Header{
					e2etest.With("Authorization", "ApiKey "+admin.Key),
					e2etest.With("Authorization", "Bearer "+admin.Key),
					e2etest.With("Authorization", "bearer "+admin.Key),
					e2etest.With("X-API-Key", admin.Key),
				} {
					s.Anonymous().Get(t, e2etest.ReadPath("known"), h).Want(t, http.StatusOK)
				}
			})

			t.Run("requests without a valid key are rejected", func(t *testing.T) {
				t.Parallel()
				for code, list := range map[string][]e2etest.Client{
					"api_key_required": {s.Anonymous()},
					"api_key_invalid": {
						{URL: s.URL, Key: "sbx_nonsense"},
						{URL: s.URL, Key: admin.Key[:len(admin.Key)-1] + "!"},
						{URL: s.URL, Key: strings.Replace(admin.Key, "e2eadmin", "e2eother", 1)},
					},
				} {
					for _, c := range list {
						for _, path := range []string{e2etest.ReadPath("known"), "/api/v1/config/", known.Path() + "/history", "/api/v1/nowhere"} {
							a := c.Get(t, path)
							a.Problem(t, http.StatusUnauthorized, code)
							require.NotEmpty(t, a.Header.Values("WWW-Authenticate"))
						}
						c.Post(t, "/api/v1/config/", e2etest.Draft{}).Problem(t, http.StatusUnauthorized, code)
						c.Put(t, known.Path(), "{}").Problem(t, http.StatusUnauthorized, code)
						c.Delete(t, known.Path()).Problem(t, http.StatusUnauthorized, code)
					}
				}
			})

			t.Run("preflight requests need no key", func(t *testing.T) {
				t.Parallel()
				a := s.Anonymous().Do(t, http.MethodOptions, "/api/v1/config/", nil,
					e2etest.With("Origin", "https://example.org"), e2etest.With("Access-Control-Request-Method", "POST"))
				a.Want(t, http.StatusNoContent)
				require.Empty(t, a.Header.Get("Access-Control-Allow-Origin"))
			})

			t.Run("a reader only reads", func(t *testing.T) {
				t.Parallel()
				reader := s.Reader(t)
				reader.Get(t, e2etest.ReadPath("known")).Want(t, http.StatusOK)
				reader.Get(t, "/api/v1/config/").Want(t, http.StatusOK)
				reader.Get(t, known.Path()+"/history").Want(t, http.StatusOK)
				reader.Post(t, "/api/v1/config/", e2etest.Draft{
					Key: "x", Environment: "production", ServiceName: "shop",
				}).Problem(t, http.StatusForbidden, "forbidden")
				reader.Put(t, known.Path(), map[string]any{"value": "w"}).Problem(t, http.StatusForbidden, "forbidden")
				reader.Delete(t, known.Path()).Problem(t, http.StatusForbidden, "forbidden")
				reader.Post(t, known.Path()+"/rollback", `{"version":1}`).Problem(t, http.StatusForbidden, "forbidden")
				require.Equal(t, known, admin.Read(t, "known"))
			})

			t.Run("writes have the name of their key", func(t *testing.T) {
				t.Parallel()
				c := e2etest.Client{URL: s.URL, Key: s.Command(t, "key", "create", "--name", "deploy robot", "--role", "admin")}
				require.Equal(t, "deploy robot", c.Create(t, "signed", "v").UpdatedBy)
			})

			t.Run("a revoked key stops working", func(t *testing.T) {
				t.Parallel()
				c := s.Reader(t)
				c.Get(t, e2etest.ReadPath("known")).Want(t, http.StatusOK)
				require.Contains(t, s.Command(t, "key", "list"), "a reader")
				s.Command(t, "key", "revoke", strings.Split(c.Key, "_")[1])
				require.Eventually(t, func() bool { return c.Get(t, e2etest.ReadPath("known")).Status == http.StatusUnauthorized },
					e2etest.Timeout, 50*time.Millisecond)
				require.NotContains(t, s.Command(t, "key", "list"), c.Key)
			})
		})
	}
}

func TestAnonymousAccess(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"ALLOW_ANONYMOUS_ACCESS=true", "REQUIRE_API_KEY=false"} {
		t.Run("with "+setting+" only writes need a key", func(t *testing.T) {
			t.Parallel()
			s := e2etest.Boot(t, e2etest.NewSQLite(t), append(e2etest.Encryption(t), setting)...)
			s.Admin(t).Create(t, "open", "v")
			s.Admin(t).CreateDraft(t, e2etest.Draft{
				Key: "hidden", Value: "v", Environment: "production", ServiceName: "shop", IsEncrypted: true,
			})
			c := s.Anonymous()
			require.Equal(t, "v", c.Read(t, "open").ShownValue())
			require.True(t, c.Read(t, "hidden").ValueRedacted)
			require.Nil(t, c.Read(t, "hidden").Value)
			c.Post(t, "/api/v1/config/", e2etest.Draft{
				Key: "x", Environment: "production", ServiceName: "shop",
			}).Problem(t, http.StatusUnauthorized, "api_key_required")
			e2etest.Client{URL: s.URL, Key: "sbx_wrong"}.Get(t, e2etest.ReadPath("open")).Problem(t, http.StatusUnauthorized, "api_key_invalid")
		})
	}

	t.Run("with AUTH_ENABLED=false everything is allowed, and the start logs a warning", func(t *testing.T) {
		t.Parallel()
		s := e2etest.Boot(t, e2etest.NewSQLite(t), "AUTH_ENABLED=false")
		made := s.Anonymous().Create(t, "open", "v")
		require.Equal(t, "anonymous", made.UpdatedBy)
		s.Anonymous().Delete(t, made.Path()).Want(t, http.StatusNoContent)
		require.Contains(t, s.Log.Find("AUTH_ENABLED=false"), `"level":"warn"`)
	})
}

func TestOpenPages(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			s := e2etest.Boot(t, databaseURL, "SERVICE_NAME=signal-test")
			c := s.Anonymous()

			for _, path := range []string{"/livez", "/readyz", "/", "/openapi.json", "/openapi.yaml", "/docs", "/health"} {
				t.Run("open: "+path, func(t *testing.T) {
					t.Parallel()
					a := c.Get(t, path).Want(t, http.StatusOK)
					require.NotEmpty(t, a.Body)
					require.NotEmpty(t, a.Header.Get("X-Request-Id"))
				})
			}

			t.Run("health reports every dependency", func(t *testing.T) {
				t.Parallel()
				h := e2etest.Decode[e2etest.Object](t, c.Get(t, "/health"))
				require.NotEmpty(t, h["timestamp"])
				delete(h, "timestamp")
				require.Equal(t, e2etest.Object{
					"status": "healthy", "service": "signal-test", "version": "e2e", "database": "healthy",
					"redis": "disabled", "kafka": "disabled",
				}, h)
			})

			t.Run("the documentation loads nothing from other origins", func(t *testing.T) {
				t.Parallel()
				require.NotRegexp(t, `(src|href)="(https?:)?//`, string(c.Get(t, "/docs").Body))
			})
		})
	}
}
