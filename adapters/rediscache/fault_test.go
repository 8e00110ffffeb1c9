package rediscache_test

import (
	"encoding/json"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/rediscache"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

const replica = "replica-1"

func grant(tb testing.TB) registry.Grant {
	tb.Helper()
	return registry.Grant{
		LeaseKey: registry.LeaseKey{
			Key: registry.Key{Service: fixture.ServiceName(tb, "shop"), Ref: fixture.Ref(tb, "a")}, Epoch: 1,
		},
		TTL: 30 * time.Second, Removal: 5 * time.Minute, URL: "http://10.0.0.1:8080", Status: health.Passing,
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()

	t.Run("an emptied Redis is reported, and has no lease", func(t *testing.T) {
		t.Parallel()
		b := mini(t)
		store := open(t, b)
		lease := grant(t)
		require.NoError(t, store.Grant(t.Context(), lease))
		first, err := store.Due(t.Context(), replica, 10)
		require.NoError(t, err)
		require.True(t, first.Emptied)
		second, err := store.Due(t.Context(), replica, 10)
		require.NoError(t, err)
		require.False(t, second.Emptied)

		client := clientOf(t, b)
		require.NoError(t, client.FlushAll(t.Context()).Err())

		emptied, err := store.Due(t.Context(), replica, 10)
		require.NoError(t, err)
		assert.True(t, emptied.Emptied)
		renewed, err := store.Renew(t.Context(), registry.Renewal{LeaseKey: lease.LeaseKey})
		require.NoError(t, err)
		assert.Equal(t, registry.LeaseUnknown, renewed[0].Outcome)
	})

	t.Run("missing scripts are loaded again", func(t *testing.T) {
		t.Parallel()
		b := mini(t)
		store := open(t, b)
		lease := grant(t)
		require.NoError(t, store.Grant(t.Context(), lease))
		require.NoError(t, clientOf(t, b).ScriptFlush(t.Context()).Err())
		renewed, err := store.Renew(t.Context(), registry.Renewal{LeaseKey: lease.LeaseKey}, registry.Renewal{LeaseKey: lease.LeaseKey})
		require.NoError(t, err)
		for _, r := range renewed {
			assert.Equal(t, registry.LeaseRenewed, r.Outcome)
		}
	})

	t.Run("a step of Redis' clock is visible in the due leases", func(t *testing.T) {
		t.Parallel()
		for name, step := range map[string]time.Duration{"forwards": time.Hour, "backwards": -time.Hour} {
			server := miniredis.RunT(t)
			server.SetTime(fixture.Noon())
			store := open(t, backend{address: server.Addr(), epoch: fixture.NewEpoch()})
			before, err := store.Due(t.Context(), replica, 10)
			require.NoError(t, err)
			server.SetTime(fixture.Noon().Add(step))
			after, err := store.Due(t.Context(), replica, 10)
			require.NoError(t, err)
			assert.Equal(t, step, after.Now.Sub(before.Now), name)
			assert.True(t, after.Elected, "an election does not depend on a clock that went back")
		}
	})

	t.Run("a server that does not reply is unavailable in time", func(t *testing.T) {
		t.Parallel()
		store := rediscache.Open(rediscache.Options{
			Address: silentServer(t), Timeout: 50 * time.Millisecond, Epoch: fixture.NewEpoch().Present,
		})
		t.Cleanup(func() { _ = store.Close() })
		began := time.Now()
		require.ErrorIs(t, store.Grant(t.Context(), grant(t)), registry.ErrLeasesUnavailable)
		_, err := store.Renew(t.Context(), registry.Renewal{LeaseKey: grant(t).LeaseKey})
		require.ErrorIs(t, err, registry.ErrLeasesUnavailable)
		_, err = store.Due(t.Context(), replica, 1)
		require.ErrorIs(t, err, registry.ErrLeasesUnavailable)
		assert.Less(t, time.Since(began), 5*time.Second)
	})

	t.Run("a stopped server is unavailable", func(t *testing.T) {
		t.Parallel()
		server := miniredis.RunT(t)
		store := rediscache.Open(rediscache.Options{Address: server.Addr(), Epoch: fixture.NewEpoch().Present})
		t.Cleanup(func() { _ = store.Close() })
		require.NoError(t, store.Ping(t.Context()))
		server.Close()
		require.ErrorIs(t, store.Ping(t.Context()), registry.ErrLeasesUnavailable)
	})
}

func TestProjectionOfInstances(t *testing.T) {
	t.Parallel()
	b := mini(t)
	store := open(t, b)
	lease := grant(t)
	require.NoError(t, store.Grant(t.Context(), lease))
	critical, latency := health.Critical, 12.5
	_, err := store.Renew(t.Context(), registry.Renewal{
		LeaseKey: lease.LeaseKey, Observation: registry.Observation{Status: &critical, Reported: true, ResponseTime: &latency},
	})
	require.NoError(t, err)
	_, err = store.Publish(t.Context())
	require.NoError(t, err)

	text, err := clientOf(t, b).HGet(t.Context(), "service:shop:instances", "a").Result()
	require.NoError(t, err)
	var projected map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &projected))
	for field, want := range map[string]any{
		"instance_id": "a", "url": "http://10.0.0.1:8080", "health_status": "critical", "avg_response_time": 12.5,
		"consecutive_failures": 1.0,
	} {
		assert.Equal(t, want, projected[field], field)
	}
	assert.Contains(t, projected, "last_check_timestamp")
}

func clientOf(t *testing.T, b backend) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: b.address})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// silentServer accepts connections and does not reply.
func silentServer(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		var open []net.Conn
		for c, err := listener.Accept(); err == nil; c, err = listener.Accept() {
			open = append(open, c)
		}
		for _, c := range open {
			_ = c.Close()
		}
	}()
	return listener.Addr().String()
}
