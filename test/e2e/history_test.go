package e2e_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			s := boot(t, databaseURL)
			c := s.admin(t)

			t.Run("every version says who did what, when and in which request", func(t *testing.T) {
				t.Parallel()
				made := c.create(t, "told", "one")
				changed := decode[configuration](t, c.put(t, made.path(), map[string]any{"value": "two", "description": "why"},
					with{"X-Request-Id", "change-42"}).want(t, http.StatusOK))
				history := c.history(t, made)
				require.Len(t, history, 2)
				last := history[0]
				require.Equal(t, made.ID, last.ConfigurationID)
				require.EqualValues(t, 2, last.Version)
				require.Equal(t, "update", last.Action)
				require.Equal(t, "one", deref(last.OldValue))
				require.Equal(t, "two", deref(last.NewValue))
				require.Equal(t, "why", deref(last.Description))
				require.Equal(t, "first admin", last.ChangedBy)
				require.Equal(t, "change-42", last.RequestID)
				require.Equal(t, changed.UpdatedAt, last.ChangedAt)
				require.NotEmpty(t, history[1].RequestID)
				require.Nil(t, history[1].OldValue)
			})

			t.Run("it comes in pages, newest first", func(t *testing.T) {
				t.Parallel()
				made := c.create(t, "paged", "0")
				for i := range 4 {
					c.put(t, made.path(), map[string]any{"value": strconv.Itoa(i + 1)}).want(t, http.StatusOK)
				}
				page := decode[timeline](t, c.get(t, made.path()+"/history?limit=2&offset=1").want(t, http.StatusOK))
				require.Equal(t, 5, page.Total)
				require.EqualValues(t, 4, page.History[0].Version)
				require.EqualValues(t, 3, page.History[1].Version)
				require.Len(t, page.History, 2)
			})

			t.Run("of what does not exist there is none", func(t *testing.T) {
				t.Parallel()
				c.get(t, "/api/v1/config/987654321/history").problem(t, http.StatusNotFound, "configuration_not_found")
			})
		})
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			s := boot(t, databaseURL)
			c := s.admin(t)
			back := func(t *testing.T, to configuration, version int, headers ...with) answer {
				t.Helper()
				return c.post(t, to.path()+"/rollback", map[string]any{"version": version}, headers...)
			}

			t.Run("a rollback is a new version with what stood then", func(t *testing.T) {
				t.Parallel()
				made := c.create(t, "undone", "one")
				c.put(t, made.path(), map[string]any{"value": "two", "description": "why"}).want(t, http.StatusOK)
				a := back(t, made, 1).want(t, http.StatusOK)
				require.Equal(t, `"3"`, a.header.Get("ETag"))
				now := decode[configuration](t, a)
				require.Equal(t, "one", now.value())
				require.Nil(t, now.Description)
				require.Equal(t, now, c.read(t, "undone"))
				require.Equal(t, []string{"rollback", "update", "create"}, actions(c.history(t, made)))
				require.Equal(t, []string{"configuration.created", "configuration.updated", "configuration.rolled_back"},
					s.events(t, made))
			})

			t.Run("a deleted configuration comes back", func(t *testing.T) {
				t.Parallel()
				made := c.create(t, "revived", "one")
				c.delete(t, made.path()).want(t, http.StatusNoContent)
				require.EqualValues(t, 3, decode[configuration](t, back(t, made, 1).want(t, http.StatusOK)).Version)
				require.Equal(t, "one", c.read(t, "revived").value())
			})

			t.Run("to a deletion it is refused", func(t *testing.T) {
				t.Parallel()
				made := c.create(t, "void", "one")
				c.delete(t, made.path()).want(t, http.StatusNoContent)
				back(t, made, 2).problem(t, http.StatusConflict, "version_is_delete")
			})

			t.Run("to a version that never was it is not found", func(t *testing.T) {
				t.Parallel()
				made := c.create(t, "short", "one")
				back(t, made, 9).problem(t, http.StatusNotFound, "version_not_found")
				back(t, configuration{ID: 987654321}, 1).problem(t, http.StatusNotFound, "configuration_not_found")
			})

			t.Run("against another version it is stale", func(t *testing.T) {
				t.Parallel()
				made := c.create(t, "raced", "one")
				c.put(t, made.path(), map[string]any{"value": "two"}).want(t, http.StatusOK)
				back(t, made, 1, with{"If-Match", `"1"`}).problem(t, http.StatusPreconditionFailed, "stale_version")
			})

			t.Run("a version is a number from one", func(t *testing.T) {
				t.Parallel()
				made := c.create(t, "numbered", "one")
				p := back(t, made, 0).problem(t, http.StatusUnprocessableEntity, "validation_failed")
				require.Equal(t, []string{"body.version"}, places(t, p))
				c.post(t, made.path()+"/rollback", `{"version":"1"}`).
					problem(t, http.StatusUnprocessableEntity, "validation_failed")
			})
		})
	}
}
