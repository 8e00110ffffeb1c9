package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// backup is a copy of a database that nobody uses while it is made or restored.
type backup struct{ databaseURL, copied string }

// backUp copies a database as docs/operations.md says.
func backUp(t *testing.T, databaseURL string) backup {
	t.Helper()
	if path, ok := strings.CutPrefix(databaseURL, "sqlite://"); ok {
		b := backup{databaseURL, filepath.Join(t.TempDir(), "backup.db")}
		// It is what sqlite3's .backup comes to.
		execute(t, databaseURL, "VACUUM INTO '"+b.copied+"'")
		require.FileExists(t, path)
		return b
	}
	b := backup{databaseURL, databaseName(t, databaseURL) + "_backup"}
	t.Cleanup(func() { execute(t, maintenance(t, databaseURL), "DROP DATABASE IF EXISTS "+b.copied+" WITH (FORCE)") })
	b.copy(t, databaseName(t, databaseURL), b.copied)
	return b
}

// restore puts the copy in the place of the database, and begins an epoch.
func (b backup) restore(t *testing.T) {
	t.Helper()
	if path, ok := strings.CutPrefix(b.databaseURL, "sqlite://"); ok {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			require.NoError(t, os.RemoveAll(path+suffix))
		}
		content, err := os.ReadFile(b.copied)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, content, 0o600))
	} else {
		name := databaseName(t, b.databaseURL)
		execute(t, maintenance(t, b.databaseURL), "DROP DATABASE "+name+" WITH (FORCE)")
		b.copy(t, b.copied, name)
	}
	p := start(t, []string{"migrate", "epoch"}, "DATABASE_URL="+b.databaseURL)
	require.Zero(t, p.awaitEnd(t))
}

func (b backup) copy(t *testing.T, from, to string) {
	t.Helper()
	admin := maintenance(t, b.databaseURL)
	execute(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+from+"'")
	execute(t, admin, "CREATE DATABASE "+to+" TEMPLATE "+from)
}

func execute(t *testing.T, databaseURL, statement string) {
	t.Helper()
	// A cleanup calls it, too.
	_, err := openDatabase(t, databaseURL).ExecContext(context.WithoutCancel(t.Context()), statement)
	require.NoError(t, err, statement)
}

func databaseName(t *testing.T, databaseURL string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	return strings.TrimPrefix(u.Path, "/")
}

// maintenance returns the URL of another database of the same server.
func maintenance(t *testing.T, databaseURL string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	u.Path = "/postgres"
	return u.String()
}

// cluster is replicas on one database and one Redis.
type cluster struct {
	databaseURL string
	environ     []string
	size        int
	replicas    []*process
}

func (c *cluster) start(t *testing.T) {
	t.Helper()
	c.replicas = nil
	for range c.size {
		c.replicas = append(c.replicas, serve(t, c.databaseURL, c.environ...))
	}
}

func (c *cluster) stop(t *testing.T) {
	t.Helper()
	for _, p := range c.replicas {
		p.terminate(t)
		require.Zero(t, p.awaitEnd(t))
	}
}

// place is where a watcher is in the feed.
type place struct {
	Epoch    string `json:"epoch"`
	Revision int64  `json:"revision"`
}

// conditionsOf returns the names of the conditions that /health lists.
func conditionsOf(t *testing.T, c client) (names []string) {
	t.Helper()
	h := decode[struct {
		Conditions []struct {
			Name string `json:"name"`
		} `json:"conditions"`
	}](t, c.get(t, "/health"))
	for _, one := range h.Conditions {
		names = append(names, one.Name)
	}
	return names
}

// TestRestore walks a restore as docs/operations.md says, with replicas that share a
// Redis which is ahead of the restored database.
func TestRestore(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			shared := freshRedis(t)
			all := &cluster{
				databaseURL: store.fresh(t), size: map[string]int{"SQLite": 1, "PostgreSQL": 2}[store.name],
				environ: append(shared.environ(t), "BOOTSTRAP_ADMIN_KEY="+adminKey(t)),
			}
			all.start(t)
			c := all.replicas[0].admin(t)
			kept := c.create(t, "kept", "backed up")
			flag := c.flag(t)
			c.enrol(t, "shop", "again")
			c.enrol(t, "shop", "steady")
			all.stop(t)
			saved := backUp(t, all.databaseURL)

			all.start(t)
			c = all.replicas[0].admin(t)
			c.put(t, kept.path(), object{"value": "lost"}).want(t, http.StatusOK)
			c.create(t, "new", "lost")
			c.put(t, flag.path(), object{"is_enabled": false}).want(t, http.StatusOK)
			c.enrol(t, "shop", "late")
			c.enrol(t, "lost", "x")
			var lost serviceShown
			for range 20 {
				lost = c.registers(t, http.StatusOK, object{"service_name": "shop", "instance_id": "again"})
			}
			c.beat(t, "shop", "again", *lost.Epoch).want(t, http.StatusOK)
			for _, key := range []string{"kept", "new"} {
				require.Equal(t, "lost", c.read(t, key).value())
			}
			require.Eventually(t, func() bool {
				return shared.client.SIsMember(t.Context(), "healthy_services", "lost").Val()
			}, patience, leaseStep)
			before := decode[place](t, c.get(t, "/api/v1/changes?since=0").want(t, http.StatusOK))
			require.NotEmpty(t, before.Epoch)
			all.stop(t)

			saved.restore(t)
			all.start(t)
			first := all.replicas[0].admin(t)
			// It was lost with what came after the backup: its program is to register again.
			first.beat(t, "shop", "again", *lost.Epoch).problem(t, http.StatusNotFound, "instance_not_found")
			registered := first.registers(t, http.StatusOK, object{"service_name": "shop", "instance_id": "again"})
			require.Greater(t, *registered.Epoch, *lost.Epoch, "a fencing token is given once")
			for _, p := range all.replicas {
				c := p.admin(t)
				c.beat(t, "shop", "again", *registered.Epoch).want(t, http.StatusOK)
				c.beat(t, "shop", "steady", 2).want(t, http.StatusOK)
				c.beat(t, "shop", "again", 1).problem(t, http.StatusConflict, "lease_lost")
				c.beat(t, "shop", "late", 3).problem(t, http.StatusNotFound, "instance_not_found")
				c.beat(t, "lost", "x", 1).problem(t, http.StatusNotFound, "service_not_found")
				require.Equal(t, "backed up", c.read(t, "kept").value())
				c.get(t, at("new")).problem(t, http.StatusNotFound, "configuration_not_found")
				require.True(t, c.evaluate(t, "user123").Enabled)
				c.get(t, fmt.Sprintf("/api/v1/changes?since=%d&epoch=%s", before.Revision, before.Epoch)).
					problem(t, http.StatusGone, "revision_gone")
				c.awaitListed(t, patience, "shop?ready=true", "again", "steady")
				c.get(t, discoveryPath+"lost").want(t, http.StatusNotFound)
			}
			requireShown(t, shared.client, "again", "steady")
			for _, p := range all.replicas {
				require.NotContains(t, conditionsOf(t, p.admin(t)), "redis_shared")
				require.Empty(t, p.log.find("redis shared by two clusters"))
				require.Empty(t, p.log.find("lease sweep failed"))
			}
			// Leases end.
			first.enrol(t, "brief", "x", quick())
			for _, p := range all.replicas {
				p.admin(t).awaitListed(t, patience, "brief")
			}
		})
	}
}

// requireShown waits until readers of Redis see these instances of the shop, and the
// shop as the only healthy service.
func requireShown(t *testing.T, client *redis.Client, instances ...string) {
	t.Helper()
	require.EventuallyWithT(t, func(e *assert.CollectT) {
		assert.ElementsMatch(e, instances, client.HKeys(t.Context(), "service:shop:instances").Val())
		assert.Equal(e, []string{"shop"}, client.SMembers(t.Context(), "healthy_services").Val())
	}, patience, leaseStep)
}
