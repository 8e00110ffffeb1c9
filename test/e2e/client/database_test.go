package client_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestDatabaseReaders runs the queries of docs/database.md with drivers of Python.
func TestDatabaseReaders(t *testing.T) {
	t.Parallel()
	for name, module := range map[string]string{"SQLite": "sqlite3", "PostgreSQL": "psycopg2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseURL := e2etest.NewSQLite(t)
			if name == "PostgreSQL" {
				databaseURL = e2etest.NewPostgres(t)
			}
			c := e2etest.Boot(t, databaseURL).Admin(t)
			url := c.Create(t, "database.url", "postgres://one")
			c.Put(t, url.Path(), e2etest.Object{"value": "postgres://two"}).Want(t, http.StatusOK)
			gone := c.Create(t, "gone", "a deleted value")
			c.Delete(t, gone.Path()).Want(t, http.StatusNoContent)
			c.Post(t, "/api/v1/feature-flags", e2etest.Object{"name": "on", "environment": "production", "is_enabled": true, "rollout_percentage": 12.5}).
				Want(t, http.StatusCreated)
			c.Post(t, "/api/v1/feature-flags", e2etest.Object{"name": "off", "environment": "production"}).Want(t, http.StatusCreated)
			for _, id := range []string{"a", "b"} {
				c.Post(t, e2etest.RegistryPath+"register", e2etest.Object{
					"service_name": "shop", "instance_id": id, "service_url": "http://127.0.0.1:1",
				}).Want(t, http.StatusCreated)
			}
			c.Delete(t, e2etest.RegistryPath+"shop/instances/b").Want(t, http.StatusNoContent)

			var found [][][]string
			out := python(t, module, "database.py", "../../../docs/database.md", "DATABASE_URL="+databaseURL)
			require.NoError(t, json.Unmarshal([]byte(out), &found))
			require.Len(t, found, 5)
			assert.Equal(t, [][]string{{"database.url", "postgres://two"}}, found[0])
			require.Len(t, found[1], 2)
			assert.Equal(t, []string{"1", "create", "None", "postgres://one"}, found[1][0][:4])
			assert.Equal(t, []string{"2", "update", "postgres://one", "postgres://two"}, found[1][1][:4])
			require.Len(t, found[2], 1)
			assert.Equal(t, "on", found[2][0][0])
			assert.Contains(t, found[2][0][1], "12.5")
			require.Len(t, found[3], 1)
			assert.Equal(t, []string{"shop", "a", "production", "passing"}, found[3][0])
			require.Len(t, found[4], 1)
			assert.Equal(t, "gone", found[4][0][0])
		})
	}
}
