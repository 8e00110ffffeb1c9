package e2e_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			c := boot(t, databaseURL).admin(t)

			t.Run("a creation answers with what it made and where that is", func(t *testing.T) {
				t.Parallel()
				a := c.post(t, "/api/v1/config/", draft{
					Key: "database.url", Value: "postgres://db-1", Environment: "production", ServiceName: "shop",
					Description: new("where the shop's data is"),
				}).want(t, http.StatusCreated)
				made := decode[configuration](t, a)
				require.Positive(t, made.ID)
				require.Equal(t, `"1"`, a.header.Get("ETag"))
				require.Equal(t, "postgres://db-1", made.value())
				require.Equal(t, "where the shop's data is", deref(made.Description))
				require.Equal(t, "first admin", made.UpdatedBy)
				require.EqualValues(t, 1, made.Version)
				require.False(t, made.IsEncrypted)
				require.Equal(t, made.CreatedAt, made.UpdatedAt)

				found := c.get(t, a.header.Get("Location")).want(t, http.StatusOK)
				require.JSONEq(t, string(a.body), string(found.body))
			})

			t.Run("times are RFC 3339 in UTC with six decimals", func(t *testing.T) {
				t.Parallel()
				made := c.post(t, "/api/v1/config/", draft{Key: "time", Environment: "staging", ServiceName: "shop"})
				raw := decode[map[string]any](t, made.want(t, http.StatusCreated))
				for _, name := range []string{"created_at", "updated_at"} {
					text, ok := raw[name].(string)
					require.True(t, ok)
					_, err := time.Parse("2006-01-02T15:04:05.000000Z", text)
					require.NoError(t, err)
				}
				require.Contains(t, raw, "description", "none is null and not left out")
			})

			t.Run("an identity that lives is taken", func(t *testing.T) {
				t.Parallel()
				first := c.create(t, "taken", "a")
				p := c.post(t, "/api/v1/config/", draft{
					Key: "taken", Value: "b", Environment: "production", ServiceName: "shop",
				}).problem(t, http.StatusConflict, "already_exists")
				require.InDelta(t, first.ID, p["id"], 0)
				require.Equal(t, "a", c.read(t, "taken").value())
			})

			t.Run("the same key elsewhere is another configuration", func(t *testing.T) {
				t.Parallel()
				ids := map[int64]bool{}
				for _, environment := range []string{"development", "staging", "production"} {
					for _, service := range []string{"a", "b"} {
						ids[c.createDraft(t, draft{Key: "same", Environment: environment, ServiceName: service}).ID] = true
					}
				}
				require.Len(t, ids, 6)
			})

			t.Run("the empty value is a value", func(t *testing.T) {
				t.Parallel()
				c.create(t, "empty", "")
				raw := decode[map[string]any](t, c.get(t, at("empty")).want(t, http.StatusOK))
				require.Empty(t, raw["value"])
				require.Contains(t, raw, "value")
			})

			t.Run("every byte of a value comes back", func(t *testing.T) {
				t.Parallel()
				hostile := "'; DROP TABLE outbox; -- \\ \" ? ?0 $1 % _ {} \n\t\u2028 \U0001F642 é"
				c.create(t, "hostile", hostile)
				require.Equal(t, hostile, c.read(t, "hostile").value())
				large := strings.Repeat("é", 128<<10)
				c.create(t, "large", large)
				require.Equal(t, large, c.read(t, "large").value())
			})

			t.Run("a key with slashes, pluses and colons comes back", func(t *testing.T) {
				t.Parallel()
				for _, key := range []string{"a/b/c", "a+b", "team:shop@eu/db.url-1_x+y", "history", "5/rollback", "_"} {
					a := c.post(t, "/api/v1/config/", draft{Key: key, Value: "v", Environment: "production", ServiceName: "shop"})
					a.want(t, http.StatusCreated)
					require.Equal(t, key, c.read(t, key).Key)
					require.Equal(t, key, decode[configuration](t, c.get(t, a.header.Get("Location")).want(t, 200)).Key)
				}
				require.Equal(t, "a+b", decode[configuration](t,
					c.get(t, "/api/v1/config/a+b?environment=production&service_name=shop").want(t, 200)).Key)
			})

			t.Run("without the trailing slash it is the same", func(t *testing.T) {
				t.Parallel()
				c.post(t, "/api/v1/config", draft{Key: "bare", Environment: "production", ServiceName: "shop"}).want(t, 201)
				c.get(t, "/api/v1/config?key_prefix=bare").want(t, 200)
			})

			t.Run("everything that breaks a rule is named at once", func(t *testing.T) {
				t.Parallel()
				p := c.post(t, "/api/v1/config/", draft{
					Key: "a//b", Value: strings.Repeat("x", 256<<10+1), Environment: "moon", ServiceName: "-",
					Description: new(strings.Repeat("x", 4<<10+1)),
				}).problem(t, http.StatusUnprocessableEntity, "validation_failed")
				require.ElementsMatch(t, []string{
					"body.key", "body.value", "body.environment", "body.service_name", "body.description",
				}, places(t, p))
			})

			t.Run("of many who create the same at once, one does", func(t *testing.T) {
				t.Parallel()
				statuses := inParallel(16, func(i int) int {
					return c.do(t, http.MethodPost, "/api/v1/config/", draft{
						Key: "race", Value: strconv.Itoa(i), Environment: "production", ServiceName: "shop",
					}).status
				})
				require.Equal(t, 1, occurrences(statuses, http.StatusCreated))
				require.Equal(t, 15, occurrences(statuses, http.StatusConflict))
			})
		})
	}
}

func TestKeyRules(t *testing.T) {
	t.Parallel()
	c := boot(t, freshSQLite(t)).admin(t)

	for _, key := range []string{"a", "_", "9", strings.Repeat("k", 255), "a.b", "A/b.c", "x/..y", "k@h:1+2_3-4"} {
		t.Run("allowed: "+key[:min(len(key), 20)], func(t *testing.T) {
			t.Parallel()
			require.Equal(t, key, c.create(t, key, "v").Key)
		})
	}
	for name, key := range map[string]string{
		"nothing": "", "too long": strings.Repeat("k", 256), "a dot first": ".a", "a dash first": "-a", "a slash first": "/a",
		"a blank": "a b", "two slashes": "a//b", "a dot alone": "a/./b", "two dots alone": "a/../b", "a slash last": "a/",
		"two dots last": "a/..", "an umlaut": "ä", "a NUL": "a\x00b", "a percent": "a%b", "a query": "a?b",
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			t.Parallel()
			p := c.post(t, "/api/v1/config/", map[string]string{
				"key": key, "value": "v", "environment": "production", "service_name": "shop",
			}).problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{"body.key"}, places(t, p))
		})
	}
}
