package e2e_test

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
	oursKey  = "signalbox-e2e"
	claimKey = "signalbox-e2e:claim"
)

// claimTime outlives every test. What a killed one leaves is free again after it.
const claimTime = 15 * time.Minute

// ownRedis is a Redis that one test has to itself: a database of the shared one,
// behind an address of its own. The service has no setting for databases, because
// a Redis that is shared with others is not what it wants.
type ownRedis struct {
	address string
	client  *redis.Client
}

// freshRedis returns an empty Redis.
func freshRedis(t *testing.T) ownRedis {
	t.Helper()
	shared, _ := harness.Redis(t)
	database := claim(t, shared)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	own := ownRedis{address: listener.Addr().String()}
	selecting(t, listener, shared, database)
	own.client = redis.NewClient(&redis.Options{Addr: shared, DB: database})
	t.Cleanup(func() {
		require.NoError(t, own.client.FlushDB(context.Background()).Err())
		require.NoError(t, own.client.Close())
	})
	return own
}

// environ returns the settings that have a service use it.
func (r ownRedis) environ(t *testing.T) []string {
	t.Helper()
	host, port, err := net.SplitHostPort(r.address)
	require.NoError(t, err)
	return []string{"REDIS_HOST=" + host, "REDIS_PORT=" + port}
}

// behind returns the same Redis behind a gate.
func (r ownRedis) behind(t *testing.T) (ownRedis, *gate) {
	t.Helper()
	g := newGate(t, "redis://"+r.address)
	r.address = strings.TrimPrefix(g.url, "redis://")
	return r, g
}

// claim takes a database that is empty, or was left by a test that was killed.
func claim(t *testing.T, address string) (database int) {
	t.Helper()
	const databases = 16
	for database = 1; database < databases; database++ {
		c := redis.NewClient(&redis.Options{Addr: address, DB: database})
		taken, err := c.SetNX(t.Context(), claimKey, 1, claimTime).Result()
		require.NoError(t, err)
		if taken && free(t, c) {
			require.NoError(t, c.Set(t.Context(), oursKey, 1, 0).Err())
			require.NoError(t, c.Close())
			return database
		}
		require.NoError(t, c.Close())
	}
	require.FailNow(t, "no database of the shared Redis is free")
	return 0
}

// free empties a claimed database if what is in it is of tests, and else gives the
// claim back.
func free(t *testing.T, c *redis.Client) bool {
	t.Helper()
	size, err := c.DBSize(t.Context()).Result()
	require.NoError(t, err)
	if size == 1 {
		return true
	}
	ours, err := c.Exists(t.Context(), oursKey).Result()
	require.NoError(t, err)
	if ours == 0 {
		require.NoError(t, c.Del(t.Context(), claimKey).Err())
		return false
	}
	require.NoError(t, c.FlushDB(t.Context()).Err())
	require.NoError(t, c.Set(t.Context(), claimKey, 1, claimTime).Err())
	return true
}

// selecting passes connections on to a database of a Redis until the test ends.
func selecting(t *testing.T, listener net.Listener, target string, database int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			passing.Go(func() { passTo(ctx, conn, target, database) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		passing.Wait()
	})
}

// passTo joins a connection with one on which the database is selected, until one
// of them ends or the context does.
func passTo(ctx context.Context, conn net.Conn, target string, database int) {
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
