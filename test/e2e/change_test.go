package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			s := e2etest.Boot(t, databaseURL)
			c := s.Admin(t)

			t.Run("omitted fields are unchanged", func(t *testing.T) {
				t.Parallel()
				made := c.CreateDraft(t, e2etest.Draft{
					Key: "parts", Value: "one", Environment: "production", ServiceName: "shop", Description: new("why"),
				})
				a := c.Put(t, made.Path(), map[string]any{"value": "two"}).Want(t, http.StatusOK)
				require.Equal(t, `"2"`, a.Header.Get("ETag"))
				changed := e2etest.Decode[e2etest.Configuration](t, a)
				require.Equal(t, "two", changed.ShownValue())
				require.Equal(t, "why", e2etest.Deref(changed.Description))
				require.Equal(t, made.CreatedAt, changed.CreatedAt)
				require.False(t, changed.UpdatedAt.Before(made.UpdatedAt))

				changed = e2etest.Decode[e2etest.Configuration](t, c.Put(t, made.Path(), map[string]any{"description": ""}).Want(t, 200))
				require.Equal(t, "two", changed.ShownValue())
				require.NotNil(t, changed.Description)
				require.EqualValues(t, 3, changed.Version)
				require.Equal(t, changed, c.Read(t, "parts"))
			})

			t.Run("an update without a change creates no version", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "same", "v")
				for _, body := range []map[string]any{{"value": "v"}, {"is_encrypted": false}, {}} {
					a := c.Put(t, made.Path(), body).Want(t, http.StatusOK)
					require.Equal(t, made, e2etest.Decode[e2etest.Configuration](t, a))
					require.Equal(t, `"1"`, a.Header.Get("ETag"))
				}
				require.Len(t, c.History(t, made), 1)
				require.Equal(t, []string{"configuration.created"}, s.EventTypes(t, made))
			})

			t.Run("an update of another version is stale", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "guarded", "one")
				c.Put(t, made.Path(), map[string]any{"value": "two"}, e2etest.With("If-Match", `"1"`)).Want(t, http.StatusOK)
				a := c.Put(t, made.Path(), map[string]any{"value": "three"}, e2etest.With("If-Match", `"1"`))
				p := a.Problem(t, http.StatusPreconditionFailed, "stale_version")
				require.InDelta(t, 2, p["current_version"], 0)
				require.Equal(t, `"2"`, a.Header.Get("ETag"))
				require.Equal(t, "two", c.Read(t, "guarded").ShownValue())
				c.Put(t, made.Path(), map[string]any{"value": "three"}, e2etest.With("If-Match", `"1", "2"`)).Want(t, http.StatusOK)
				c.Put(t, made.Path(), map[string]any{"value": "four"}, e2etest.With("If-Match", "*")).Want(t, http.StatusOK)
			})

			t.Run("sixteen concurrent writers of one configuration succeed, each with its own version", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "busy", "0")
				versions := e2etest.InParallel(16, func(i int) int64 {
					a := c.Put(t, made.Path(), map[string]any{"value": fmt.Sprint("writer ", i)})
					return e2etest.Decode[e2etest.Configuration](t, a).Version
				})
				slices.Sort(versions)
				for i, v := range versions {
					require.EqualValues(t, i+2, v)
				}
				require.Len(t, c.History(t, made), 17)
			})

			t.Run("a missing configuration is not found", func(t *testing.T) {
				t.Parallel()
				c.Put(t, "/api/v1/config/987654321", map[string]any{"value": "v"}).
					Problem(t, http.StatusNotFound, "configuration_not_found")
			})
		})
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			s := e2etest.Boot(t, databaseURL)
			c := s.Admin(t)

			t.Run("a deletion is a version, and the history remains", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "gone", "v")
				require.Empty(t, c.Delete(t, made.Path()).Want(t, http.StatusNoContent).Body)
				c.Get(t, e2etest.ReadPath("gone")).Problem(t, http.StatusNotFound, "configuration_not_found")
				c.Delete(t, made.Path()).Problem(t, http.StatusNotFound, "configuration_not_found")
				c.Put(t, made.Path(), map[string]any{"value": "w"}).Problem(t, http.StatusNotFound, "configuration_not_found")

				history := c.History(t, made)
				require.Equal(t, []string{"delete", "create"}, actions(history))
				require.Equal(t, "v", e2etest.Deref(history[0].OldValue))
				require.Nil(t, history[0].NewValue)
				require.Equal(t, []string{"configuration.created", "configuration.deleted"}, s.EventTypes(t, made))
			})

			t.Run("a new creation continues id and version", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "again", "one")
				c.Delete(t, made.Path()).Want(t, http.StatusNoContent)
				again := c.Create(t, "again", "two")
				require.Equal(t, made.ID, again.ID)
				require.EqualValues(t, 3, again.Version)
				require.Equal(t, []string{"create", "delete", "create"}, actions(c.History(t, made)))
			})

			t.Run("a deletion of another version is stale", func(t *testing.T) {
				t.Parallel()
				made := c.Create(t, "kept", "v")
				c.Delete(t, made.Path(), e2etest.With("If-Match", `"2"`)).Problem(t, http.StatusPreconditionFailed, "stale_version")
				c.Delete(t, made.Path(), e2etest.With("If-Match", `"1"`)).Want(t, http.StatusNoContent)
			})
		})
	}
}

func actions(history []e2etest.HistoryEntry) []string {
	list := make([]string, len(history))
	for i, e := range history {
		list[i] = e.Action
	}
	return list
}
