package e2e_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			s := e2etest.Boot(t, databaseURL)
			c := s.Admin(t)

			t.Run("every version has its actor, action, time and request", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "told", "one")
				changed := e2etest.Decode[e2etest.Configuration](t, c.Put(t, made.Path(), map[string]any{"value": "two", "description": "why"},
					e2etest.With("X-Request-Id", "change-42")).Want(t, http.StatusOK))
				history := c.History(t, made)
				require.Len(t, history, 2)
				last := history[0]
				require.Equal(t, made.ID, last.ConfigurationID)
				require.EqualValues(t, 2, last.Version)
				require.Equal(t, "update", last.Action)
				require.Equal(t, "one", e2etest.Deref(last.OldValue))
				require.Equal(t, "two", e2etest.Deref(last.NewValue))
				require.Equal(t, "why", e2etest.Deref(last.Description))
				require.Equal(t, "first admin", last.ChangedBy)
				require.Equal(t, "change-42", last.RequestID)
				require.Equal(t, changed.UpdatedAt, last.ChangedAt)
				require.NotEmpty(t, history[1].RequestID)
				require.Nil(t, history[1].OldValue)
			})

			t.Run("it is paged, newest first", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "paged", "0")
				for i := range 4 {
					c.Put(t, made.Path(), map[string]any{"value": strconv.Itoa(i + 1)}).Want(t, http.StatusOK)
				}
				page := e2etest.Decode[e2etest.HistoryPage](t, c.Get(t, made.Path()+"/history?limit=2&offset=1").Want(t, http.StatusOK))
				require.Equal(t, 5, page.Total)
				require.EqualValues(t, 4, page.History[0].Version)
				require.EqualValues(t, 3, page.History[1].Version)
				require.Len(t, page.History, 2)
			})

			t.Run("a missing configuration has no history", func(t *testing.T) {
				t.Parallel()
				c.Get(t, "/api/v1/config/987654321/history").Problem(t, http.StatusNotFound, "configuration_not_found")
			})
		})
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			s := e2etest.Boot(t, databaseURL)
			c := s.Admin(t)
			back := func(t *testing.T, to e2etest.Configuration, version int, headers ...e2etest.Header) e2etest.Response {
				t.Helper()
				return c.Post(t, to.Path()+"/rollback", map[string]any{"version": version}, headers...)
			}

			t.Run("a rollback is a new version with the old state", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "undone", "one")
				c.Put(t, made.Path(), map[string]any{"value": "two", "description": "why"}).Want(t, http.StatusOK)
				a := back(t, made, 1).Want(t, http.StatusOK)
				require.Equal(t, `"3"`, a.Header.Get("ETag"))
				now := e2etest.Decode[e2etest.Configuration](t, a)
				require.Equal(t, "one", now.ShownValue())
				require.Nil(t, now.Description)
				require.Equal(t, now, c.Read(t, "undone"))
				require.Equal(t, []string{"rollback", "update", "create"}, actions(c.History(t, made)))
				require.Equal(t, []string{"configuration.created", "configuration.updated", "configuration.rolled_back"},
					s.EventTypes(t, made))
			})

			t.Run("a deleted configuration is restored", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "revived", "one")
				c.Delete(t, made.Path()).Want(t, http.StatusNoContent)
				require.EqualValues(t, 3, e2etest.Decode[e2etest.Configuration](t, back(t, made, 1).Want(t, http.StatusOK)).Version)
				require.Equal(t, "one", c.Read(t, "revived").ShownValue())
			})

			t.Run("a rollback to a deletion is rejected", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "void", "one")
				c.Delete(t, made.Path()).Want(t, http.StatusNoContent)
				back(t, made, 2).Problem(t, http.StatusConflict, "version_is_delete")
			})

			t.Run("a rollback to a missing version is not found", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "short", "one")
				back(t, made, 9).Problem(t, http.StatusNotFound, "version_not_found")
				back(t, e2etest.Configuration{ID: 987654321}, 1).Problem(t, http.StatusNotFound, "configuration_not_found")
			})

			t.Run("a rollback of another version is stale", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "raced", "one")
				c.Put(t, made.Path(), map[string]any{"value": "two"}).Want(t, http.StatusOK)
				back(t, made, 1, e2etest.With("If-Match", `"1"`)).Problem(t, http.StatusPreconditionFailed, "stale_version")
			})

			t.Run("the version must be a number from 1", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "numbered", "one")
				p := back(t, made, 0).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
				require.Equal(t, []string{"body.version"}, e2etest.Locations(t, p))
				c.Post(t, made.Path()+"/rollback", `{"version":"1"}`).
					Problem(t, http.StatusUnprocessableEntity, "validation_failed")
			})
		})
	}
}
