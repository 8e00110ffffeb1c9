package lifecycle_test

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

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// backup is a copy of a database that is not in use during the backup and the restore.
type backup struct{ databaseURL, copied string }

// backUp copies a database as docs/operations.md describes.
func backUp(t *testing.T, databaseURL string) backup {
	t.Helper()
	if path, ok := strings.CutPrefix(databaseURL, "sqlite://"); ok {
		b := backup{databaseURL, filepath.Join(t.TempDir(), "backup.db")}
		// This is equivalent to .backup of sqlite3.
		execute(t, databaseURL, "VACUUM INTO '"+b.copied+"'")
		require.FileExists(t, path)
		return b
	}
	b := backup{databaseURL, databaseName(t, databaseURL) + "_backup"}
	t.Cleanup(func() { execute(t, maintenance(t, databaseURL), "DROP DATABASE IF EXISTS "+b.copied+" WITH (FORCE)") })
	b.copy(t, databaseName(t, databaseURL), b.copied)
	return b
}

// restore replaces the database by the copy, and starts a new epoch.
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
	p := e2etest.Start(t, []string{"migrate", "epoch"}, "DATABASE_URL="+b.databaseURL)
	require.Zero(t, p.AwaitExit(t))
}

func (b backup) copy(t *testing.T, from, to string) {
	t.Helper()
	admin := maintenance(t, b.databaseURL)
	execute(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+from+"'")
	execute(t, admin, "CREATE DATABASE "+to+" TEMPLATE "+from)
}

func execute(t *testing.T, databaseURL, statement string) {
	t.Helper()
	// Cleanups call it, too.
	_, err := e2etest.OpenDatabase(t, databaseURL).ExecContext(context.WithoutCancel(t.Context()), statement)
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

// cluster has replicas on one database and one Redis.
type cluster struct {
	databaseURL string
	environ     []string
	size        int
	replicas    []*e2etest.Process
}

func (c *cluster) start(t *testing.T) {
	t.Helper()
	c.replicas = nil
	for range c.size {
		c.replicas = append(c.replicas, e2etest.Serve(t, c.databaseURL, c.environ...))
	}
}

func (c *cluster) stop(t *testing.T) {
	t.Helper()
	for _, p := range c.replicas {
		p.Terminate(t)
		require.Zero(t, p.AwaitExit(t))
	}
}

// cursor is a position in the feed.
type cursor struct {
	Epoch    string `json:"epoch"`
	Revision int64  `json:"revision"`
}

// TestRestore restores a database as docs/operations.md describes, with replicas on a Redis
// that is ahead of the restored database.
func TestRestore(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			shared := e2etest.NewRedis(t)
			all := &cluster{
				databaseURL: store.New(t), size: map[string]int{"SQLite": 1, "PostgreSQL": 2}[store.Name],
				environ: append(shared.Environ(t), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t)),
			}
			all.start(t)
			c := all.replicas[0].Admin(t)
			kept := c.Create(t, "kept", "backed up")
			flag := c.CreateFlag(t)
			c.RegisterInstance(t, "shop", "again")
			c.RegisterInstance(t, "shop", "steady")
			all.stop(t)
			saved := backUp(t, all.databaseURL)

			all.start(t)
			c = all.replicas[0].Admin(t)
			c.Put(t, kept.Path(), e2etest.Object{"value": "lost"}).Want(t, http.StatusOK)
			c.Create(t, "new", "lost")
			c.Put(t, flag.Path(), e2etest.Object{"is_enabled": false}).Want(t, http.StatusOK)
			c.RegisterInstance(t, "shop", "late")
			c.RegisterInstance(t, "lost", "x")
			var lost e2etest.Service
			for range 20 {
				lost = c.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "instance_id": "again"})
			}
			c.Heartbeat(t, "shop", "again", *lost.Epoch).Want(t, http.StatusOK)
			for _, key := range []string{"kept", "new"} {
				require.Equal(t, "lost", c.Read(t, key).ShownValue())
			}
			require.Eventually(t, func() bool {
				return shared.Client.SIsMember(t.Context(), "healthy_services", "lost").Val()
			}, e2etest.Timeout, e2etest.PollInterval)
			before := e2etest.Decode[cursor](t, c.Get(t, "/api/v1/changes?since=0").Want(t, http.StatusOK))
			require.NotEmpty(t, before.Epoch)
			all.stop(t)

			saved.restore(t)
			all.start(t)
			first := all.replicas[0].Admin(t)
			// The restore has lost the instance: its program must register again.
			first.Heartbeat(t, "shop", "again", *lost.Epoch).Problem(t, http.StatusNotFound, "instance_not_found")
			registered := first.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "instance_id": "again"})
			require.Greater(t, *registered.Epoch, *lost.Epoch, "a fencing token is not reused")
			for _, p := range all.replicas {
				c := p.Admin(t)
				c.Heartbeat(t, "shop", "again", *registered.Epoch).Want(t, http.StatusOK)
				c.Heartbeat(t, "shop", "steady", 2).Want(t, http.StatusOK)
				c.Heartbeat(t, "shop", "again", 1).Problem(t, http.StatusConflict, "lease_lost")
				c.Heartbeat(t, "shop", "late", 3).Problem(t, http.StatusNotFound, "instance_not_found")
				c.Heartbeat(t, "lost", "x", 1).Problem(t, http.StatusNotFound, "service_not_found")
				require.Equal(t, "backed up", c.Read(t, "kept").ShownValue())
				c.Get(t, e2etest.ReadPath("new")).Problem(t, http.StatusNotFound, "configuration_not_found")
				require.True(t, c.Evaluate(t, "user123").Enabled)
				c.Get(t, fmt.Sprintf("/api/v1/changes?since=%d&epoch=%s", before.Revision, before.Epoch)).
					Problem(t, http.StatusGone, "revision_gone")
				c.AwaitDiscovered(t, e2etest.Timeout, "shop?ready=true", "again", "steady")
				c.Get(t, e2etest.DiscoveryPath+"lost").Want(t, http.StatusNotFound)
			}
			awaitProjection(t, shared.Client, "again", "steady")
			for _, p := range all.replicas {
				require.NotContains(t, e2etest.ConditionNames(t, p.Admin(t)), "redis_shared")
				require.Empty(t, p.Log.Find("redis shared by two clusters"))
				require.Empty(t, p.Log.Find("lease expiry paused"))
			}
			// Leases expire.
			first.RegisterInstance(t, "brief", "x", e2etest.ShortLease())
			for _, p := range all.replicas {
				p.Admin(t).AwaitDiscovered(t, e2etest.Timeout, "brief")
			}
		})
	}
}

// awaitProjection waits until readers of Redis see these instances of the shop, and the
// shop as the only healthy service.
func awaitProjection(t *testing.T, client *redis.Client, instances ...string) {
	t.Helper()
	require.EventuallyWithT(t, func(e *assert.CollectT) {
		assert.ElementsMatch(e, instances, client.HKeys(t.Context(), "service:shop:instances").Val())
		assert.Equal(e, []string{"shop"}, client.SMembers(t.Context(), "healthy_services").Val())
	}, e2etest.Timeout, e2etest.PollInterval)
}
