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
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/ports"
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
		"instance_id": "a", "url": "http://10.0.0.1:8080", "health_status": "passing", "avg_response_time": 12.5,
		"consecutive_failures": 1.0,
	} {
		assert.Equal(t, want, projected[field], field)
	}
	assert.Contains(t, projected, "last_check_timestamp")
}

// TestProjectedStatus asserts that readers see the status of an entry, whatever a single
// heartbeat or check says, and instances without a lease.
func TestProjectedStatus(t *testing.T) {
	t.Parallel()
	for name, begin := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begin(t)
			client, store := clientOf(t, b), open(t, b)
			lease, critical := grant(t), health.Critical
			plain := registry.Key{Service: lease.Service, Ref: registry.Ref{
				Environment: lease.Environment, Instance: registry.DefaultInstance(),
			}}
			observe := func() {
				t.Helper()
				o := registry.Observation{Status: &critical, Reported: true}
				_, err := store.Renew(t.Context(), registry.Renewal{LeaseKey: lease.LeaseKey, Observation: o})
				require.NoError(t, err)
				require.NoError(t, store.Note(t.Context(), registry.Note{Key: plain, Observation: o}))
				publishAll(t, store)
			}
			projected := func() map[string]string {
				t.Helper()
				fields, err := client.HGetAll(t.Context(), b.prefix+"service:shop:instances").Result()
				require.NoError(t, err)
				statuses := map[string]string{}
				for id, text := range fields {
					var i struct {
						Status string `json:"health_status"`
						URL    string `json:"url"`
					}
					require.NoError(t, json.Unmarshal([]byte(text), &i))
					statuses[id] = i.Status + " " + i.URL
				}
				assert.Positive(t, client.PTTL(t.Context(), b.prefix+"service:shop:instances").Val(), "it has a TTL")
				return statuses
			}
			put := func(leased, without health.Status, url string) {
				t.Helper()
				_, err := store.PutServices(t.Context(), time.Hour, registry.Entry{
					Name: "shop", Version: 1, Info: []byte(`{}`), Instances: []registry.EntryInstance{
						{Ref: lease.Ref, Status: leased, URL: "http://10.0.0.1:8080", Leased: true},
						{Ref: plain.Ref, Status: without, URL: url},
					},
				})
				require.NoError(t, err)
			}
			id := plain.Instance.String()

			require.NoError(t, store.Grant(t.Context(), lease))
			observe()
			assert.Equal(t, map[string]string{"a": "passing http://10.0.0.1:8080"}, projected())
			put(health.Passing, health.Unknown, "http://10.0.0.2")
			assert.Equal(t, map[string]string{"a": "passing http://10.0.0.1:8080", id: "unknown http://10.0.0.2"}, projected())
			observe()
			assert.Equal(t, map[string]string{"a": "passing http://10.0.0.1:8080", id: "unknown http://10.0.0.2"}, projected())
			put(health.Critical, health.Passing, "http://10.0.0.3")
			want := map[string]string{"a": "critical http://10.0.0.1:8080", id: "passing http://10.0.0.3"}
			assert.Equal(t, want, projected())
			observe()
			assert.Equal(t, want, projected())

			all, err := client.Keys(t.Context(), b.prefix+"*").Result()
			require.NoError(t, err)
			require.NoError(t, client.Del(t.Context(), all...).Err())
			put(health.Critical, health.Passing, "http://10.0.0.3")
			assert.Equal(t, map[string]string{id: "passing http://10.0.0.3"}, projected(), "an entry grants no lease")
			renewed, err := store.Renew(t.Context(), registry.Renewal{LeaseKey: lease.LeaseKey})
			require.NoError(t, err)
			assert.Equal(t, registry.LeaseUnknown, renewed[0].Outcome)
		})
	}
}

// TestEntriesAreJSON reads what the shared cache stores as other programs do.
func TestEntriesAreJSON(t *testing.T) {
	t.Parallel()
	for name, begin := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begin(t)
			client, cache := clientOf(t, b), openUntimed(t, b)
			read := func(key string) map[string]any {
				t.Helper()
				text, err := client.Get(t.Context(), b.prefix+key).Result()
				require.NoError(t, err)
				var members map[string]any
				require.NoError(t, json.Unmarshal([]byte(text), &members))
				assert.Positive(t, client.PTTL(t.Context(), b.prefix+key).Val())
				return members
			}
			key, value := sharedValue(t)
			cache.Configurations(lifetime).Put(t.Context(), key, value)
			stored := read(redisKey)
			assert.Equal(t, "value", stored["value"])
			assert.Equal(t, "database.url", stored["key"])
			assert.InDelta(t, 1, stored["version"], 0)

			nowhere := key
			nowhere.Key = "nowhere"
			cache.Configurations(lifetime).Put(t.Context(), nowhere, ports.SharedValue[configuration.State]{Epoch: value.Epoch})
			stored = read("config:production:shop:nowhere")
			assert.Equal(t, false, stored["exists"])
			assert.NotContains(t, stored, "value")

			state := fixture.Flag(t, `{"is_enabled":true}`).State()
			cache.Flags(lifetime).Put(t.Context(), state.Identity.Locator(), ports.SharedValue[flag.State]{
				Value: state, Version: 1, Epoch: value.Epoch,
			})
			stored = read("feature_flag:checkout:production")
			assert.Equal(t, "checkout", stored["name"])
			assert.Equal(t, true, stored["definition"].(map[string]any)["is_enabled"])
		})
	}
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
