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

	"github.com/signalbox-hq/signalbox/test/certificates"
)

// howToProvideRedis is the reason of a skip.
const howToProvideRedis = "no Redis: set TEST_REDIS_ADDR to host:port, or install Docker or redis-server"

// Redis returns the address of a Redis, and a key prefix for the test; keys with that
// prefix are removed after the test. A package that calls it has Run in its TestMain.
func Redis(tb testing.TB) (address, prefix string) {
	tb.Helper()
	address, err := shared().openRedis()
	require.NoError(tb, err, "start Redis for tests")
	if address == "" {
		Skip(tb, howToProvideRedis)
	}
	prefix = "test:" + uuid.NewString() + ":"
	tb.Cleanup(func() {
		if err := deleteKeys(address, prefix); err != nil {
			tb.Errorf("remove the test's keys: %v", err)
		}
	})
	return address, prefix
}

// deleteKeys deletes the keys with a prefix.
func deleteKeys(address, prefix string) error {
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

// openRedis returns the address of this test binary's Redis, "" if there is none.
func (s *server) openRedis() (string, error) {
	s.startRedis.Do(func() {
		for _, source := range []func(*server) (string, error){redisFromEnvironment, redisFromDocker, redisFromBinary} {
			if s.redis, s.redisErr = source(s); s.redis != "" || s.redisErr != nil {
				return
			}
		}
	})
	return s.redis, s.redisErr
}

func redisFromEnvironment(*server) (string, error) { return os.Getenv("TEST_REDIS_ADDR"), nil }

// redisFromDocker starts a container if a Docker daemon and the image are available.
func redisFromDocker(s *server) (string, error) {
	pool, err := dockertest.NewPool("")
	if err != nil || pool.Client.Ping() != nil {
		return "", nil //nolint:nilerr // no Docker: the next source is tried
	}
	container, err := pool.RunWithOptions(&dockertest.RunOptions{
		Repository: "redis", Tag: "7",
		// Killed tests do not purge: the container exits by itself.
		Entrypoint: []string{"timeout", "1h", "docker-entrypoint.sh"}, Cmd: []string{"redis-server"},
	}, func(c *docker.HostConfig) { c.AutoRemove = true })
	if err != nil {
		return "", nil //nolint:nilerr // no image: the next source is tried
	}
	s.cleanups = append(s.cleanups, func() { _ = pool.Purge(container) })
	return awaitRedis(redis.Options{Addr: container.GetHostPort("6379/tcp")})
}

// redisFromBinary starts redis-server on a free port if it is installed.
func redisFromBinary(s *server) (string, error) {
	address, stop, err := runRedis(redis.Options{}, "--port")
	if stop != nil {
		s.cleanups = append(s.cleanups, stop)
	}
	return address, err
}

// OwnRedis returns the address of an empty Redis for one test, which may configure it.
func OwnRedis(tb testing.TB) (address string) {
	tb.Helper()
	return ownRedis(tb, redis.Options{}, "--port")
}

// SecureRedis returns the address of an empty Redis for one test that accepts TLS with a
// client certificate of the same authority, and one user with the permissions that
// docs/operations.md names.
func SecureRedis(tb testing.TB, files certificates.Files, user, password string) (address string) {
	tb.Helper()
	login := redis.Options{Username: user, Password: password, TLSConfig: files.Client(tb)}
	login.TLSConfig.InsecureSkipVerify = true // its certificate may be for another name
	return ownRedis(tb, login,
		"--user", "default", "off", "--user", user, "on", ">"+password,
		"~registry:*", "~config:*", "~feature_flag:*", "~service_info:*", "~service:*", "~healthy_services",
		"+@read", "+@write", "+@scripting", "+@connection", "+time",
		"--tls-cert-file", files.Certificate, "--tls-key-file", files.Key, "--tls-ca-cert-file", files.Authority,
		"--tls-auth-clients", "yes", "--port", "0", "--tls-port")
}

func ownRedis(tb testing.TB, login redis.Options, arguments ...string) (address string) {
	tb.Helper()
	address, stop, err := runRedis(login, arguments...)
	if stop != nil {
		tb.Cleanup(stop)
	}
	require.NoError(tb, err)
	if address == "" {
		Skip(tb, "no Redis that can be configured: install redis-server")
	}
	return address
}

// runRedis starts redis-server with arguments, the last of which is followed by its port, and
// returns how to stop it; "" if it is not installed.
func runRedis(login redis.Options, arguments ...string) (address string, stop func(), err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil, nil //nolint:nilerr // not installed
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	arguments = append(arguments, strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
	process := exec.CommandContext(context.Background(), path, arguments...)
	process.Dir = os.TempDir()
	if err := process.Start(); err != nil {
		return "", nil, fmt.Errorf("start redis-server: %w", err)
	}
	stop = func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	}
	login.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	address, err = awaitRedis(login)
	return address, stop, err
}

// awaitRedis returns the address once the server is ready.
func awaitRedis(login redis.Options) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	client := redis.NewClient(&login)
	defer func() { _ = client.Close() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := client.Ping(ctx).Err()
		if err == nil {
			return login.Addr, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", fmt.Errorf("wait for Redis: %w", err)
		}
	}
}
