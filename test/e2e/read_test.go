package e2e_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			c := boot(t, databaseURL).admin(t)

			t.Run("an answer says what it is worth to caches", func(t *testing.T) {
				t.Parallel()
				made := c.create(t, "cached", "v")
				a := c.get(t, at("cached")).want(t, http.StatusOK)
				require.Equal(t, `"1"`, a.header.Get("ETag"))
				require.Equal(t, made.UpdatedAt.UTC().Format(http.TimeFormat), a.header.Get("Last-Modified"))

				same := c.get(t, at("cached"), with{"If-None-Match", `"7", W/"1"`}).want(t, http.StatusNotModified)
				require.Empty(t, same.body)
				require.Equal(t, `"1"`, same.header.Get("ETag"))
				c.put(t, made.path(), map[string]any{"value": "w"}).want(t, http.StatusOK)
				c.get(t, at("cached"), with{"If-None-Match", `"1"`}).want(t, http.StatusOK)
			})

			t.Run("HEAD answers as GET does, without the body", func(t *testing.T) {
				t.Parallel()
				c.create(t, "head", "v")
				a := c.do(t, http.MethodHead, at("head"), nil).want(t, http.StatusOK)
				require.Equal(t, `"1"`, a.header.Get("ETag"))
				require.Empty(t, a.body)
			})

			t.Run("what does not exist is not found", func(t *testing.T) {
				t.Parallel()
				c.get(t, at("nowhere")).problem(t, http.StatusNotFound, "configuration_not_found")
			})

			t.Run("environment and service have to be named", func(t *testing.T) {
				t.Parallel()
				p := c.get(t, "/api/v1/config/database.url").problem(t, http.StatusUnprocessableEntity, "validation_failed")
				require.ElementsMatch(t, []string{"query.environment", "query.service_name"}, places(t, p))
			})

			t.Run("every version can be read again", func(t *testing.T) {
				t.Parallel()
				made := c.create(t, "versions", "one")
				c.put(t, made.path(), map[string]any{"value": "two"}).want(t, http.StatusOK)
				c.delete(t, made.path()).want(t, http.StatusNoContent)

				one := c.get(t, at("versions", "&version=1")).want(t, http.StatusOK)
				require.Equal(t, "one", decode[configuration](t, one).value())
				require.Equal(t, `"1"`, one.header.Get("ETag"))
				two := decode[configuration](t, c.get(t, at("versions", "&version=2")).want(t, http.StatusOK))
				require.Equal(t, "two", two.value())
				require.EqualValues(t, 2, two.Version)
				c.get(t, at("versions", "&version=3")).problem(t, http.StatusNotFound, "configuration_not_found")
				c.get(t, at("versions", "&version=4")).problem(t, http.StatusNotFound, "version_not_found")
			})

			t.Run("what stood at a time can be read again", func(t *testing.T) {
				t.Parallel()
				made := c.create(t, "times", "one")
				changed := decode[configuration](t, c.put(t, made.path(), map[string]any{"value": "two"}).want(t, 200))
				c.delete(t, made.path()).want(t, http.StatusNoContent)

				require.Equal(t, "one", c.readAt(t, "times", made.UpdatedAt).value())
				require.Equal(t, "one", c.readAt(t, "times", changed.UpdatedAt.Add(-time.Microsecond)).value())
				require.Equal(t, "two", c.readAt(t, "times", changed.UpdatedAt).value())
				c.get(t, atTime("times", made.CreatedAt.Add(-time.Microsecond))).
					problem(t, http.StatusNotFound, "configuration_not_found")
				c.get(t, atTime("times", time.Now().Add(time.Hour))).
					problem(t, http.StatusNotFound, "configuration_not_found")
			})

			t.Run("version and time together are refused", func(t *testing.T) {
				t.Parallel()
				c.get(t, at("both", "&version=1&at=2026-01-01T00:00:00Z")).
					problem(t, http.StatusUnprocessableEntity, "validation_failed")
			})
		})
	}
}

// readAt returns a configuration of the shop in production as it stood then.
func (c client) readAt(tb testing.TB, key string, then time.Time) configuration {
	tb.Helper()
	return decode[configuration](tb, c.get(tb, atTime(key, then)).want(tb, http.StatusOK))
}

func atTime(key string, then time.Time) string {
	return at(key, "&at=", url.QueryEscape(then.Format(time.RFC3339Nano)))
}

func TestList(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			c := boot(t, databaseURL).admin(t)
			for _, d := range []draft{
				{Key: "b", Environment: "staging", ServiceName: "shop"},
				{Key: "b_1", Environment: "production", ServiceName: "shop"},
				{Key: "bx1", Environment: "production", ServiceName: "shop"},
				{Key: "B", Environment: "production", ServiceName: "shop"},
				{Key: "a", Environment: "production", ServiceName: "shop"},
				{Key: "z", Environment: "production", ServiceName: "Shop"},
			} {
				c.createDraft(t, d)
			}
			gone := c.create(t, "gone", "v")
			c.delete(t, gone.path()).want(t, http.StatusNoContent)
			list := func(t *testing.T, query string) listing {
				t.Helper()
				return decode[listing](t, c.get(t, "/api/v1/config/?"+query).want(t, http.StatusOK))
			}

			t.Run("everything is in the order of environment, service and key, by bytes", func(t *testing.T) {
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

			t.Run("it narrows by environment, service and the beginning of the key", func(t *testing.T) {
				t.Parallel()
				require.Equal(t, []string{"staging/shop/b"}, identities(list(t, "environment=staging")))
				require.Equal(t, []string{"production/Shop/z"}, identities(list(t, "service_name=Shop")))
				require.Equal(t, []string{"production/shop/b_1"}, identities(list(t, "key_prefix=b_")))
				require.Equal(t, 3, list(t, "key_prefix=b").Total)
			})

			t.Run("deleted ones are listed where they are asked for", func(t *testing.T) {
				t.Parallel()
				require.Equal(t, []string{"production/shop/gone"}, identities(list(t, "deleted=true")))
			})

			t.Run("a page says how many there are in all, also past the end", func(t *testing.T) {
				t.Parallel()
				page := list(t, "limit=2&offset=1")
				require.Equal(t, []string{"production/shop/B", "production/shop/a"}, identities(page))
				require.Equal(t, 6, page.Total)
				require.Equal(t, 2, page.Limit)
				require.Equal(t, 1, page.Offset)
				past := c.get(t, "/api/v1/config/?offset=100").want(t, http.StatusOK)
				require.Equal(t, 6, decode[listing](t, past).Total)
				require.Contains(t, string(past.body), `"configurations":[]`)
			})

			for _, query := range []string{
				"limit=0", "limit=1001", "limit=x", "offset=-1", "environment=moon", "limit=1&limit=2",
			} {
				t.Run("refused: "+query, func(t *testing.T) {
					t.Parallel()
					p := c.get(t, "/api/v1/config/?"+query).problem(t, http.StatusUnprocessableEntity, "validation_failed")
					require.NotEmpty(t, places(t, p))
				})
			}

			t.Run("an unknown query parameter is refused", func(t *testing.T) {
				t.Parallel()
				c.get(t, "/api/v1/config/?envronment=staging").problem(t, http.StatusUnprocessableEntity, "validation_failed")
				c.get(t, at("a", "&versn=1")).problem(t, http.StatusUnprocessableEntity, "validation_failed")
			})
		})
	}
}

func identities(l listing) []string {
	list := make([]string, len(l.Configurations))
	for i, c := range l.Configurations {
		list[i] = c.Environment + "/" + c.ServiceName + "/" + c.Key
	}
	return list
}
