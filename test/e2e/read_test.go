package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			c := e2etest.Boot(t, databaseURL).Admin(t)

			t.Run("responses have caching headers", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "cached", "v")
				a := c.Get(t, e2etest.ReadPath("cached")).Want(t, http.StatusOK)
				require.Equal(t, `"1"`, a.Header.Get("ETag"))
				require.Empty(t, a.Header.Get("Last-Modified"), "the value may still change in the same second")

				same := c.Get(t, e2etest.ReadPath("cached"), e2etest.With("If-None-Match", `"7", W/"1"`)).Want(t, http.StatusNotModified)
				require.Empty(t, same.Body)
				require.Equal(t, `"1"`, same.Header.Get("ETag"))
				c.Put(t, made.Path(), map[string]any{"value": "w"}).Want(t, http.StatusOK)
				c.Get(t, e2etest.ReadPath("cached"), e2etest.With("If-None-Match", `"1"`)).Want(t, http.StatusOK)
			})

			t.Run("HEAD returns the headers of GET", func(t *testing.T) {
				t.Parallel()
				c.Create(t, "head", "v")
				a := c.Do(t, http.MethodHead, e2etest.ReadPath("head"), nil).Want(t, http.StatusOK)
				require.Equal(t, `"1"`, a.Header.Get("ETag"))
				require.Empty(t, a.Body)
			})

			t.Run("a missing configuration is not found", func(t *testing.T) {
				t.Parallel()
				c.Get(t, e2etest.ReadPath("nowhere")).Problem(t, http.StatusNotFound, "configuration_not_found")
			})

			t.Run("environment and service are required", func(t *testing.T) {
				t.Parallel()
				p := c.Get(t, "/api/v1/config/database.url").Problem(t, http.StatusUnprocessableEntity, "validation_failed")
				require.ElementsMatch(t, []string{"query.environment", "query.service_name"}, e2etest.Locations(t, p))
			})

			t.Run("every version is readable", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "versions", "one")
				c.Put(t, made.Path(), map[string]any{"value": "two"}).Want(t, http.StatusOK)
				c.Delete(t, made.Path()).Want(t, http.StatusNoContent)

				one := c.Get(t, e2etest.ReadPath("versions", "&version=1")).Want(t, http.StatusOK)
				require.Equal(t, "one", e2etest.Decode[e2etest.Configuration](t, one).ShownValue())
				require.Equal(t, `"1"`, one.Header.Get("ETag"))
				two := e2etest.Decode[e2etest.Configuration](t, c.Get(t, e2etest.ReadPath("versions", "&version=2")).Want(t, http.StatusOK))
				require.Equal(t, "two", two.ShownValue())
				require.EqualValues(t, 2, two.Version)
				c.Get(t, e2etest.ReadPath("versions", "&version=3")).Problem(t, http.StatusNotFound, "configuration_not_found")
				c.Get(t, e2etest.ReadPath("versions", "&version=4")).Problem(t, http.StatusNotFound, "version_not_found")
			})

			t.Run("the state at a time is readable", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "times", "one")
				changed := e2etest.Decode[e2etest.Configuration](t, c.Put(t, made.Path(), map[string]any{"value": "two"}).Want(t, 200))
				c.Delete(t, made.Path()).Want(t, http.StatusNoContent)

				require.Equal(t, "one", c.ReadAt(t, "times", made.UpdatedAt).ShownValue())
				require.Equal(t, "one", c.ReadAt(t, "times", changed.UpdatedAt.Add(-time.Microsecond)).ShownValue())
				require.Equal(t, "two", c.ReadAt(t, "times", changed.UpdatedAt).ShownValue())
				c.Get(t, e2etest.ReadPathAt("times", made.CreatedAt.Add(-time.Microsecond))).
					Problem(t, http.StatusNotFound, "configuration_not_found")
				c.Get(t, e2etest.ReadPathAt("times", time.Now().Add(time.Hour))).
					Problem(t, http.StatusNotFound, "configuration_not_found")
			})

			t.Run("version and time together are rejected", func(t *testing.T) {
				t.Parallel()
				c.Get(t, e2etest.ReadPath("both", "&version=1&at=2026-01-01T00:00:00Z")).
					Problem(t, http.StatusUnprocessableEntity, "validation_failed")
			})
		})
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			c := e2etest.Boot(t, databaseURL).Admin(t)
			for _, d := range []e2etest.Draft{
				{Key: "b", Environment: "staging", ServiceName: "shop"},
				{Key: "b_1", Environment: "production", ServiceName: "shop"},
				{Key: "bx1", Environment: "production", ServiceName: "shop"},
				{Key: "B", Environment: "production", ServiceName: "shop"},
				{Key: "a", Environment: "production", ServiceName: "shop"},
				{Key: "z", Environment: "production", ServiceName: "Shop"},
			} {
				c.CreateDraft(t, d)
			}
			gone := c.Create(t, "gone", "v")
			c.Delete(t, gone.Path()).Want(t, http.StatusNoContent)
			list := func(t *testing.T, query string) e2etest.ConfigurationPage {
				t.Helper()
				return e2etest.Decode[e2etest.ConfigurationPage](t, c.Get(t, "/api/v1/config/?"+query).Want(t, http.StatusOK))
			}

			t.Run("the order is environment, service and key, by bytes", func(t *testing.T) {
				t.Parallel()
				all := list(t, "")
				require.Equal(t, []string{
					"production/Shop/z", "production/shop/B", "production/shop/a", "production/shop/b_1",
					"production/shop/bx1", "staging/shop/b",
				}, identities(all))
				require.Equal(t, 6, all.Total)
				require.Equal(t, 100, all.Limit)
				require.Zero(t, all.Offset)
			})

			t.Run("it is filtered by environment, service and key prefix", func(t *testing.T) {
				t.Parallel()
				require.Equal(t, []string{"staging/shop/b"}, identities(list(t, "environment=staging")))
				require.Equal(t, []string{"production/Shop/z"}, identities(list(t, "service_name=Shop")))
				require.Equal(t, []string{"production/shop/b_1"}, identities(list(t, "key_prefix=b_")))
				require.Equal(t, 3, list(t, "key_prefix=b").Total)
			})

			t.Run("deleted configurations are listed on request", func(t *testing.T) {
				t.Parallel()
				require.Equal(t, []string{"production/shop/gone"}, identities(list(t, "deleted=true")))
			})

			t.Run("a page has the total, also past the end", func(t *testing.T) {
				t.Parallel()
				page := list(t, "limit=2&offset=1")
				require.Equal(t, []string{"production/shop/B", "production/shop/a"}, identities(page))
				require.Equal(t, 6, page.Total)
				require.Equal(t, 2, page.Limit)
				require.Equal(t, 1, page.Offset)
				past := c.Get(t, "/api/v1/config/?offset=100").Want(t, http.StatusOK)
				require.Equal(t, 6, e2etest.Decode[e2etest.ConfigurationPage](t, past).Total)
				require.Contains(t, string(past.Body), `"configurations":[]`)
			})

			for _, query := range []string{
				"limit=0", "limit=1001", "limit=x", "offset=-1", "environment=moon", "limit=1&limit=2",
			} {
				t.Run("rejected: "+query, func(t *testing.T) {
					t.Parallel()
					p := c.Get(t, "/api/v1/config/?"+query).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
					require.NotEmpty(t, e2etest.Locations(t, p))
				})
			}

			t.Run("an unknown query parameter is rejected", func(t *testing.T) {
				t.Parallel()
				c.Get(t, "/api/v1/config/?envronment=staging").Problem(t, http.StatusUnprocessableEntity, "validation_failed")
				c.Get(t, e2etest.ReadPath("a", "&versn=1")).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
			})
		})
	}
}

func identities(l e2etest.ConfigurationPage) []string {
	list := make([]string, len(l.Configurations))
	for i, c := range l.Configurations {
		list[i] = c.Environment + "/" + c.ServiceName + "/" + c.Key
	}
	return list
}
