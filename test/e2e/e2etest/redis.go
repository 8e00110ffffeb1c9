package e2etest

import (
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/harness"
)

// A database of the shared Redis belongs to the tests once it has ownerKey, and to one
// test while it has claimKey.
const (
	ownerKey = "signalbox-e2e"
	claimKey = "signalbox-e2e:claim"
)

// claimTTL is longer than every test. It releases the claims of killed ones.
const claimTTL = 15 * time.Minute

// Redis is a Redis for one test: a database of the shared one behind an address of its
// own. The service has no setting for the database, because it needs a Redis that is not
// shared with others.
type Redis struct {
	Address string
	Client  *redis.Client
}

// NewRedis returns an empty Redis.
func NewRedis(t *testing.T) Redis {
	t.Helper()
	shared, _ := harness.Redis(t)
	database := claim(t, shared)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	own := Redis{Address: listener.Addr().String()}
	forwardTo(t, listener, shared, database)
	own.Client = redis.NewClient(&redis.Options{Addr: shared, DB: database})
	t.Cleanup(func() {
		require.NoError(t, own.Client.FlushDB(context.Background()).Err())
		require.NoError(t, own.Client.Close())
	})
	return own
}

// Environ returns the settings of a service that uses it.
func (r Redis) Environ(t *testing.T) []string {
	t.Helper()
	host, port, err := net.SplitHostPort(r.Address)
	require.NoError(t, err)
	return []string{"REDIS_HOST=" + host, "REDIS_PORT=" + port}
}

// Behind returns the same Redis behind a gate.
func (r Redis) Behind(t *testing.T) (Redis, *Gate) {
	t.Helper()
	g := NewGate(t, "redis://"+r.Address)
	r.Address = strings.TrimPrefix(g.URL, "redis://")
	return r, g
}

// claim claims a database that is empty or was left by a killed test.
func claim(t *testing.T, address string) (database int) {
	t.Helper()
	const databases = 16
	for database = 1; database < databases; database++ {
		c := redis.NewClient(&redis.Options{Addr: address, DB: database})
		claimed, err := c.SetNX(t.Context(), claimKey, 1, claimTTL).Result()
		require.NoError(t, err)
		if claimed && clearClaimed(t, c) {
			require.NoError(t, c.Set(t.Context(), ownerKey, 1, 0).Err())
			require.NoError(t, c.Close())
			return database
		}
		require.NoError(t, c.Close())
	}
	require.FailNow(t, "no database of the shared Redis is free")
	return 0
}

// clearClaimed empties a claimed database that belongs to tests. Otherwise it releases
// the claim and returns false.
func clearClaimed(t *testing.T, c *redis.Client) bool {
	t.Helper()
	size, err := c.DBSize(t.Context()).Result()
	require.NoError(t, err)
	if size == 1 {
		return true
	}
	ours, err := c.Exists(t.Context(), ownerKey).Result()
	require.NoError(t, err)
	if ours == 0 {
		require.NoError(t, c.Del(t.Context(), claimKey).Err())
		return false
	}
	require.NoError(t, c.FlushDB(t.Context()).Err())
	require.NoError(t, c.Set(t.Context(), claimKey, 1, claimTTL).Err())
	return true
}

// forwardTo forwards connections to a database of a Redis until the test ends.
func forwardTo(t *testing.T, listener net.Listener, target string, database int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var forwarding sync.WaitGroup
	forwarding.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			forwarding.Go(func() { forward(ctx, conn, target, database) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		forwarding.Wait()
	})
}

// forward joins a connection with one on which the database is selected, until one of
// them is closed or the context ends.
func forward(ctx context.Context, conn net.Conn, target string, database int) {
	defer func() { _ = conn.Close() }()
	onward, err := new(net.Dialer).DialContext(ctx, "tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = onward.Close() }()
	const selected = "+OK\r\n"
	reply := make([]byte, len(selected))
	if _, err := io.WriteString(onward, "SELECT "+strconv.Itoa(database)+"\r\n"); err != nil {
		return
	}
	if _, err := io.ReadFull(onward, reply); err != nil || string(reply) != selected {
		return
	}
	ended := make(chan struct{}, 2)
	for from, to := range map[net.Conn]net.Conn{conn: onward, onward: conn} {
		go func() {
			_, _ = io.Copy(to, from)
			ended <- struct{}{}
		}()
	}
	select {
	case <-ended:
	case <-ctx.Done():
	}
}
