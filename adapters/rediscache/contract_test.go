package rediscache_test

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/rediscache"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Run(m)) }

// backend is a Redis for one test, with the prefix of the test's keys.
type backend struct {
	address, prefix string
	advance         func(time.Duration)
	// epoch is that of its stores.
	epoch *fixture.Epoch
}

// backends returns a constructor for each kind of Redis.
func backends() map[string]func(*testing.T) backend {
	return map[string]func(*testing.T) backend{"in this process": mini, "real": realRedis}
}

// mini is a Redis in Go with a stopped clock.
func mini(t *testing.T) backend {
	server := miniredis.RunT(t)
	now := fixture.Noon()
	server.SetTime(now)
	return backend{address: server.Addr(), epoch: fixture.NewEpoch(), advance: func(d time.Duration) {
		now = now.Add(d)
		server.SetTime(now)
		server.FastForward(d)
	}}
}

// realRedis is a server, whose clock advances by itself.
func realRedis(t *testing.T) backend {
	address, prefix := harness.Redis(t)
	client := redis.NewClient(&redis.Options{Addr: address})
	t.Cleanup(func() { _ = client.Close() })
	return backend{address: address, prefix: prefix, epoch: fixture.NewEpoch(), advance: func(d time.Duration) {
		begun, err := client.Time(t.Context()).Result()
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			now, err := client.Time(context.WithoutCancel(t.Context())).Result()
			return err == nil && now.Sub(begun) >= d
		}, time.Minute, time.Millisecond)
	}}
}

func open(t *testing.T, b backend) *rediscache.Store {
	t.Helper()
	// A Redis in Go, with the race detector beside many other tests, is slow.
	store := rediscache.Open(rediscache.Options{
		Address: b.address, Prefix: b.prefix, Epoch: b.epoch.Present, Timeout: time.Minute,
	})
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func TestContract(t *testing.T) {
	t.Parallel()
	for name, begin := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fresh := func(t *testing.T) contract.LeaseStore {
				b := begin(t)
				store := open(t, b)
				return contract.LeaseStore{Leases: store, Readings: store, Members: store, Advance: b.advance, Epochs: b.epoch}
			}
			contract.Leases(t, fresh, nil)
			contract.Readings(t, fresh, nil)
			contract.Members(t, fresh, nil)
			contract.Directory(t, func(t *testing.T) contract.ReadableDirectory {
				b := begin(t)
				return contract.ReadableDirectory{
					Directory: open(t, b), Read: reader(t, b), Advance: b.advance, Epochs: b.epoch,
				}
			}, nil)
		})
	}
}

// reader returns a direct reader of Redis.
func reader(t *testing.T, b backend) func(*testing.T, string) registry.Entry {
	client := redis.NewClient(&redis.Options{Addr: b.address})
	t.Cleanup(func() { _ = client.Close() })
	return func(t *testing.T, name string) registry.Entry {
		ctx := t.Context()
		info, err := client.Get(ctx, b.prefix+"service_info:"+name).Result()
		if err != nil {
			require.ErrorIs(t, err, redis.Nil)
			return registry.Entry{}
		}
		active, err := client.Get(ctx, b.prefix+"service:"+name+":active").Result()
		require.NoError(t, err)
		healthy, err := client.SIsMember(ctx, b.prefix+"healthy_services", name).Result()
		require.NoError(t, err)
		return registry.Entry{Name: name, Info: []byte(info), Active: active == strconv.Itoa(1), Healthy: healthy}
	}
}
