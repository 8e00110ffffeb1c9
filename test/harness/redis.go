package harness

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// howToHaveRedis is what a skip says.
const howToHaveRedis = "no Redis: set TEST_REDIS_ADDR to one's host:port, or have Docker or redis-server here"

// Redis returns the address of a Redis, and a prefix for keys that is the test's
// alone; keys under it are removed after the test. A package that calls it has Run
// in its TestMain.
func Redis(tb testing.TB) (address, prefix string) {
	tb.Helper()
	address, err := shared().openRedis()
	require.NoError(tb, err, "start Redis for tests")
	if address == "" {
		Skip(tb, howToHaveRedis)
	}
	prefix = "test:" + uuid.NewString() + ":"
	tb.Cleanup(func() {
		if err := forgetKeys(address, prefix); err != nil {
			tb.Errorf("remove the test's keys: %v", err)
		}
	})
	return address, prefix
}

// forgetKeys removes the keys that begin so.
func forgetKeys(address, prefix string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: address})
	defer func() { _ = client.Close() }()
	keys := client.Scan(ctx, 0, prefix+"*", 1000).Iterator()
	for keys.Next(ctx) {
		if err := client.Unlink(ctx, keys.Val()).Err(); err != nil {
			return err
		}
	}
	return keys.Err()
}

// openRedis returns the address of this test binary's Redis, "" where there is none.
func (s *server) openRedis() (string, error) {
	s.startRedis.Do(func() {
		for _, way := range []func(*server) (string, error){redisFromEnvironment, redisFromDocker, redisFromBinary} {
			if s.redis, s.redisErr = way(s); s.redis != "" || s.redisErr != nil {
				return
			}
		}
	})
	return s.redis, s.redisErr
}

func redisFromEnvironment(*server) (string, error) { return os.Getenv("TEST_REDIS_ADDR"), nil }

// redisFromDocker starts a container, where a Docker daemon answers and the image
// can be had.
func redisFromDocker(s *server) (string, error) {
	pool, err := dockertest.NewPool("")
	if err != nil || pool.Client.Ping() != nil {
		return "", nil //nolint:nilerr // no Docker: the next way is tried
	}
	container, err := pool.RunWithOptions(&dockertest.RunOptions{
		Repository: "redis", Tag: "7",
		// Tests that are killed do not purge: the container ends by itself.
		Entrypoint: []string{"timeout", "1h", "docker-entrypoint.sh"}, Cmd: []string{"redis-server"},
	}, func(c *docker.HostConfig) { c.AutoRemove = true })
	if err != nil {
		return "", nil //nolint:nilerr // no image: the next way is tried
	}
	s.ends = append(s.ends, func() { _ = pool.Purge(container) })
	return awaitRedis(container.GetHostPort("6379/tcp"))
}

// redisFromBinary starts redis-server on a free port, where it is on this machine.
func redisFromBinary(s *server) (string, error) {
	address, end, err := runRedis()
	if end != nil {
		s.ends = append(s.ends, end)
	}
	return address, err
}

// OwnRedis returns the address of an empty Redis that is the test's alone, and may be
// configured by it.
func OwnRedis(tb testing.TB) (address string) {
	tb.Helper()
	address, end, err := runRedis()
	if end != nil {
		tb.Cleanup(end)
	}
	require.NoError(tb, err)
	if address == "" {
		Skip(tb, "no Redis that can be configured: have redis-server here")
	}
	return address
}

// runRedis starts redis-server and returns how to end it; "" where there is none.
func runRedis() (address string, end func(), err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil, nil //nolint:nilerr // no server here
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	process := exec.CommandContext(context.Background(), path, "--port", strconv.Itoa(port), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no")
	process.Dir = os.TempDir()
	if err := process.Start(); err != nil {
		return "", nil, fmt.Errorf("start redis-server: %w", err)
	}
	end = func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	}
	address, err = awaitRedis(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	return address, end, err
}

// awaitRedis returns the address once the server answers.
func awaitRedis(address string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: address})
	defer func() { _ = client.Close() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := client.Ping(ctx).Err()
		if err == nil {
			return address, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", fmt.Errorf("wait for Redis: %w", err)
		}
	}
}
