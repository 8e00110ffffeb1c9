package e2e_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			c := e2etest.Boot(t, databaseURL).Admin(t)

			t.Run("a creation returns the configuration and its location", func(t *testing.T) {
				t.Parallel()
				a := c.Post(t, "/api/v1/config/", e2etest.Draft{
					Key: "database.url", Value: "postgres://db-1", Environment: "production", ServiceName: "shop",
					Description: new("where the shop's data is"),
				}).Want(t, http.StatusCreated)
				made := e2etest.Decode[e2etest.Configuration](t, a)
				require.Positive(t, made.ID)
				require.Equal(t, `"1"`, a.Header.Get("ETag"))
				require.Equal(t, "postgres://db-1", made.ShownValue())
				require.Equal(t, "where the shop's data is", e2etest.Deref(made.Description))
				require.Equal(t, "first admin", made.UpdatedBy)
				require.EqualValues(t, 1, made.Version)
				require.False(t, made.IsEncrypted)
				require.Equal(t, made.CreatedAt, made.UpdatedAt)

				found := c.Get(t, a.Header.Get("Location")).Want(t, http.StatusOK)
				require.JSONEq(t, string(a.Body), string(found.Body))
			})

			t.Run("times are RFC 3339 in UTC with six decimals", func(t *testing.T) {
				t.Parallel()
				made := c.Post(t, "/api/v1/config/", e2etest.Draft{Key: "time", Environment: "staging", ServiceName: "shop"})
				raw := e2etest.Decode[map[string]any](t, made.Want(t, http.StatusCreated))
				for _, name := range []string{"created_at", "updated_at"} {
					text, ok := raw[name].(string)
					require.True(t, ok)
					_, err := time.Parse("2006-01-02T15:04:05.000000Z", text)
					require.NoError(t, err)
				}
				require.Contains(t, raw, "description", "null is not omitted")
			})

			t.Run("an existing identity is a conflict", func(t *testing.T) {
				t.Parallel()
				first := c.Create(t, "taken", "a")
				p := c.Post(t, "/api/v1/config/", e2etest.Draft{
					Key: "taken", Value: "b", Environment: "production", ServiceName: "shop",
				}).Problem(t, http.StatusConflict, "already_exists")
				require.InDelta(t, first.ID, p["id"], 0)
				require.Equal(t, "a", c.Read(t, "taken").ShownValue())
			})

			t.Run("the same key in another environment or service is another configuration", func(t *testing.T) {
				t.Parallel()
				ids := map[int64]bool{}
				for _, environment := range []string{"development", "staging", "production"} {
					for _, service := range []string{"a", "b"} {
						ids[c.CreateDraft(t, e2etest.Draft{Key: "same", Environment: environment, ServiceName: service}).ID] = true
					}
				}
				require.Len(t, ids, 6)
			})

			t.Run("an empty value is stored", func(t *testing.T) {
				t.Parallel()
				c.Create(t, "empty", "")
				raw := e2etest.Decode[map[string]any](t, c.Get(t, e2etest.ReadPath("empty")).Want(t, http.StatusOK))
				require.Empty(t, raw["value"])
				require.Contains(t, raw, "value")
			})

			t.Run("every byte of a value is returned", func(t *testing.T) {
				t.Parallel()
				hostile := "'; DROP TABLE outbox; -- \\ \" ? ?0 $1 % _ {} \n\t\u2028 \U0001F642 é"
				c.Create(t, "hostile", hostile)
				require.Equal(t, hostile, c.Read(t, "hostile").ShownValue())
				large := strings.Repeat("é", 128<<10)
				c.Create(t, "large", large)
				require.Equal(t, large, c.Read(t, "large").ShownValue())
			})

			t.Run("a key with slashes, pluses and colons is returned", func(t *testing.T) {
				t.Parallel()
				for _, key := range []string{"a/b/c", "a+b", "team:shop@eu/db.url-1_x+y", "history", "5/rollback", "_"} {
					a := c.Post(t, "/api/v1/config/", e2etest.Draft{Key: key, Value: "v", Environment: "production", ServiceName: "shop"})
					a.Want(t, http.StatusCreated)
					require.Equal(t, key, c.Read(t, key).Key)
					require.Equal(t, key, e2etest.Decode[e2etest.Configuration](t, c.Get(t, a.Header.Get("Location")).Want(t, 200)).Key)
				}
				require.Equal(t, "a+b", e2etest.Decode[e2etest.Configuration](t,
					c.Get(t, "/api/v1/config/a+b?environment=production&service_name=shop").Want(t, 200)).Key)
			})

			t.Run("the trailing slash is optional", func(t *testing.T) {
				t.Parallel()
				c.Post(t, "/api/v1/config", e2etest.Draft{Key: "bare", Environment: "production", ServiceName: "shop"}).Want(t, 201)
				c.Get(t, "/api/v1/config?key_prefix=bare").Want(t, 200)
			})

			t.Run("all invalid fields are named at once", func(t *testing.T) {
				t.Parallel()
				p := c.Post(t, "/api/v1/config/", e2etest.Draft{
					Key: "a//b", Value: strings.Repeat("x", 256<<10+1), Environment: "moon", ServiceName: "-",
					Description: new(strings.Repeat("x", 4<<10+1)),
				}).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
				require.ElementsMatch(t, []string{
					"body.key", "body.value", "body.environment", "body.service_name", "body.description",
				}, e2etest.Locations(t, p))
			})

			t.Run("one of many concurrent creations succeeds", func(t *testing.T) {
				t.Parallel()
				statuses := e2etest.InParallel(16, func(i int) int {
					return c.Do(t, http.MethodPost, "/api/v1/config/", e2etest.Draft{
						Key: "race", Value: strconv.Itoa(i), Environment: "production", ServiceName: "shop",
					}).Status
				})
				require.Equal(t, 1, e2etest.Count(statuses, http.StatusCreated))
				require.Equal(t, 15, e2etest.Count(statuses, http.StatusConflict))
			})
		})
	}
}

func TestKeyRules(t *testing.T) {
	t.Parallel()
	c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)

	for _, key := range []string{"a", "_", "9", strings.Repeat("k", 255), "a.b", "A/b.c", "x/..y", "k@h:1+2_3-4"} {
		t.Run("allowed: "+key[:min(len(key), 20)], func(t *testing.T) {
			t.Parallel()
			require.Equal(t, key, c.Create(t, key, "v").Key)
		})
	}
	for name, key := range map[string]string{
		"nothing": "", "too long": strings.Repeat("k", 256), "a dot first": ".a", "a dash first": "-a", "a slash first": "/a",
		"a blank": "a b", "two slashes": "a//b", "a dot alone": "a/./b", "two dots alone": "a/../b", "a slash last": "a/",
		"two dots last": "a/..", "an umlaut": "ä", "a NUL": "a\x00b", "a percent": "a%b", "a query": "a?b",
	} {
		t.Run("rejected: "+name, func(t *testing.T) {
			t.Parallel()
			p := c.Post(t, "/api/v1/config/", map[string]string{
				"key": key, "value": "v", "environment": "production", "service_name": "shop",
			}).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{"body.key"}, e2etest.Locations(t, p))
		})
	}
}
