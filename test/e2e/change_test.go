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
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			s := boot(t, databaseURL)
			c := s.admin(t)

			t.Run("what is not named stays", func(t *testing.T) {
				t.Parallel()
				made := c.createDraft(t, draft{
					Key: "parts", Value: "one", Environment: "production", ServiceName: "shop", Description: new("why"),
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
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
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
func (s *service) events(tb testing.TB, of configuration) []string {
	tb.Helper()
	db := openDatabase(tb, s.databaseURL)
	rows, err := db.QueryContext(tb.Context(), fmt.Sprintf(
		"SELECT event_type FROM %s WHERE aggregate_type = 'configuration' AND aggregate_id = %d ORDER BY stage, id",
		allEvents, of.ID))
	require.NoError(tb, err)
	defer func() { _ = rows.Close() }()
	var list []string
	for rows.Next() {
		var one string
		require.NoError(tb, rows.Scan(&one))
		list = append(list, one)
	}
	require.NoError(tb, rows.Err())
	return list
}
