package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, databaseURL string) {
		s := boot(t, databaseURL)
		c := s.admin(t)

		t.Run("what is not named stays", func(t *testing.T) {
			t.Parallel()
			made := c.createDraft(t, draft{
				Key: "parts", Value: "one", Environment: "production", ServiceName: "shop", Description: ptr("why"),
			})
			a := c.put(t, made.path(), map[string]any{"value": "two"}).want(t, http.StatusOK)
			require.Equal(t, `"2"`, a.header.Get("ETag"))
			changed := decode[configuration](t, a)
			require.Equal(t, "two", changed.value())
			require.Equal(t, "why", deref(changed.Description))
			require.Equal(t, made.CreatedAt, changed.CreatedAt)
			require.False(t, changed.UpdatedAt.Before(made.UpdatedAt))

			changed = decode[configuration](t, c.put(t, made.path(), map[string]any{"description": ""}).want(t, 200))
			require.Equal(t, "two", changed.value())
			require.NotNil(t, changed.Description)
			require.EqualValues(t, 3, changed.Version)
			require.Equal(t, changed, c.read(t, "parts"))
		})

		t.Run("an update that changes nothing makes no version", func(t *testing.T) {
			t.Parallel()
			made := c.create(t, "same", "v")
			for _, body := range []map[string]any{{"value": "v"}, {"is_encrypted": false}, {}} {
				a := c.put(t, made.path(), body).want(t, http.StatusOK)
				require.Equal(t, made, decode[configuration](t, a))
				require.Equal(t, `"1"`, a.header.Get("ETag"))
			}
			require.Len(t, c.history(t, made), 1)
			require.Equal(t, []string{"configuration.created"}, s.events(t, made))
		})

		t.Run("an update against another version is stale", func(t *testing.T) {
			t.Parallel()
			made := c.create(t, "guarded", "one")
			c.put(t, made.path(), map[string]any{"value": "two"}, with{"If-Match", `"1"`}).want(t, http.StatusOK)
			a := c.put(t, made.path(), map[string]any{"value": "three"}, with{"If-Match", `"1"`})
			p := a.problem(t, http.StatusPreconditionFailed, "stale_version")
			require.InDelta(t, 2, p["current_version"], 0)
			require.Equal(t, `"2"`, a.header.Get("ETag"))
			require.Equal(t, "two", c.read(t, "guarded").value())
			c.put(t, made.path(), map[string]any{"value": "three"}, with{"If-Match", `"1", "2"`}).want(t, http.StatusOK)
			c.put(t, made.path(), map[string]any{"value": "four"}, with{"If-Match", "*"}).want(t, http.StatusOK)
		})

		t.Run("sixteen writers of one configuration all get through, each with its own version", func(t *testing.T) {
			t.Parallel()
			made := c.create(t, "busy", "0")
			versions := inParallel(16, func(i int) int64 {
				a := c.put(t, made.path(), map[string]any{"value": fmt.Sprint("writer ", i)})
				return decode[configuration](t, a).Version
			})
			slices.Sort(versions)
			for i, v := range versions {
				require.EqualValues(t, i+2, v)
			}
			require.Len(t, c.history(t, made), 17)
		})

		t.Run("what does not exist is not found", func(t *testing.T) {
			t.Parallel()
			c.put(t, "/api/v1/config/987654321", map[string]any{"value": "v"}).
				problem(t, http.StatusNotFound, "configuration_not_found")
		})
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, databaseURL string) {
		s := boot(t, databaseURL)
		c := s.admin(t)

		t.Run("a deletion is a version, and the history stays", func(t *testing.T) {
			t.Parallel()
			made := c.create(t, "gone", "v")
			require.Empty(t, c.delete(t, made.path()).want(t, http.StatusNoContent).body)
			c.get(t, at("gone")).problem(t, http.StatusNotFound, "configuration_not_found")
			c.delete(t, made.path()).problem(t, http.StatusNotFound, "configuration_not_found")
			c.put(t, made.path(), map[string]any{"value": "w"}).problem(t, http.StatusNotFound, "configuration_not_found")

			history := c.history(t, made)
			require.Equal(t, []string{"delete", "create"}, actions(history))
			require.Equal(t, "v", deref(history[0].OldValue))
			require.Nil(t, history[0].NewValue)
			require.Equal(t, []string{"configuration.created", "configuration.deleted"}, s.events(t, made))
		})

		t.Run("creating it again goes on with id and version", func(t *testing.T) {
			t.Parallel()
			made := c.create(t, "again", "one")
			c.delete(t, made.path()).want(t, http.StatusNoContent)
			again := c.create(t, "again", "two")
			require.Equal(t, made.ID, again.ID)
			require.EqualValues(t, 3, again.Version)
			require.Equal(t, []string{"create", "delete", "create"}, actions(c.history(t, made)))
		})

		t.Run("a deletion against another version is stale", func(t *testing.T) {
			t.Parallel()
			made := c.create(t, "kept", "v")
			c.delete(t, made.path(), with{"If-Match", `"2"`}).problem(t, http.StatusPreconditionFailed, "stale_version")
			c.delete(t, made.path(), with{"If-Match", `"1"`}).want(t, http.StatusNoContent)
		})
	})
}

func TestHistory(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, databaseURL string) {
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
				c.put(t, made.path(), map[string]any{"value": fmt.Sprint(i + 1)}).want(t, http.StatusOK)
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

func TestRollback(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, databaseURL string) {
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

func actions(history []entry) []string {
	list := make([]string, len(history))
	for i, e := range history {
		list[i] = e.Action
	}
	return list
}

// events returns the types of a configuration's events in the outbox, oldest
// first.
func (s *service) events(t testing.TB, of configuration) []string {
	t.Helper()
	db := openDatabase(t, s.databaseURL)
	rows, err := db.QueryContext(t.Context(), fmt.Sprintf(
		"SELECT event_type FROM outbox WHERE aggregate_type = 'configuration' AND aggregate_id = %d ORDER BY id", of.ID))
	require.NoError(t, err)
	defer rows.Close()
	var list []string
	for rows.Next() {
		var one string
		require.NoError(t, rows.Scan(&one))
		list = append(list, one)
	}
	require.NoError(t, rows.Err())
	return list
}
