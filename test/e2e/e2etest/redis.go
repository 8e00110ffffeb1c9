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

// A database of the shared Redis is the tests' once it has the first key, and one
// test's as long as it has the second.
const (
	ownerKey = "signalbox-e2e"
	claimKey = "signalbox-e2e:claim"
)

// claimTTL outlives every test. What a killed one leaves is free again after it.
const claimTTL = 15 * time.Minute

// Redis is a Redis that one test has to itself: a database of the shared one,
// behind an address of its own. The service has no setting for databases, because
// a Redis that is shared with others is not what it wants.
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

// Environ returns the settings that have a service use it.
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

// claim takes a database that is empty, or was left by a test that was killed.
func claim(t *testing.T, address string) (database int) {
	t.Helper()
	const databases = 16
	for database = 1; database < databases; database++ {
		c := redis.NewClient(&redis.Options{Addr: address, DB: database})
		taken, err := c.SetNX(t.Context(), claimKey, 1, claimTTL).Result()
		require.NoError(t, err)
		if taken && clearClaimed(t, c) {
			require.NoError(t, c.Set(t.Context(), ownerKey, 1, 0).Err())
			require.NoError(t, c.Close())
			return database
		}
		require.NoError(t, c.Close())
	}
	require.FailNow(t, "no database of the shared Redis is free")
	return 0
}

// clearClaimed empties a claimed database if what is in it is of tests, and else gives the
// claim back.
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

// forwardTo passes connections on to a database of a Redis until the test ends.
func forwardTo(t *testing.T, listener net.Listener, target string, database int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			passing.Go(func() { forward(ctx, conn, target, database) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		passing.Wait()
	})
}

// forward joins a connection with one on which the database is selected, until one
// of them ends or the context does.
func forward(ctx context.Context, conn net.Conn, target string, database int) {
	defer func() { _ = conn.Close() }()
	onward, err := new(net.Dialer).DialContext(ctx, "tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = onward.Close() }()
	const fine = "+OK\r\n"
	told := make([]byte, len(fine))
	if _, err := io.WriteString(onward, "SELECT "+strconv.Itoa(database)+"\r\n"); err != nil {
		return
	}
	if _, err := io.ReadFull(onward, told); err != nil || string(told) != fine {
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
