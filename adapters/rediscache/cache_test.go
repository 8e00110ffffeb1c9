package rediscache_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/rediscache"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

const lifetime = 5 * time.Minute

func openCache(t *testing.T, o rediscache.CacheOptions) *rediscache.Cache {
	t.Helper()
	cache := rediscache.OpenCache(o)
	t.Cleanup(func() { require.NoError(t, cache.Close()) })
	return cache
}

// openUntimed opens a cache for tests that do not measure time: a Redis in Go, with the
// race detector beside many other tests, is slow.
func openUntimed(t *testing.T, b backend) *rediscache.Cache {
	t.Helper()
	return openCache(t, rediscache.CacheOptions{
		Options: rediscache.Options{Address: b.address, Prefix: b.prefix, Timeout: time.Minute},
	})
}

func TestSharedContract(t *testing.T) {
	t.Parallel()
	for name, begin := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.SharedCache(t, func(t *testing.T) contract.SharedConfigurations {
				return openUntimed(t, begin(t)).Configurations(lifetime)
			}, nil)
		})
	}
}

func sharedValue(t *testing.T) (configuration.Locator, ports.SharedValue[configuration.State]) {
	t.Helper()
	state := fixture.Configuration(t).State()
	return state.Identity.Locator(), ports.SharedValue[configuration.State]{
		Value: state, Version: 1, Epoch: "0123456789abcdef", Revision: 4,
	}
}

const redisKey = "config:production:shop:database.url"

func TestSharedFlags(t *testing.T) {
	t.Parallel()
	for name, begin := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begin(t)
			flags := openUntimed(t, b).Flags(lifetime)
			state := fixture.Flag(t, `{"type":"string","is_enabled":true,"description":"<about>",
				"variants":{"a":"<&>","b":"b"},"default":{"allocation":{"a":500000,"b":500000}},
				"rules":[{"id":"r","conditions":[{"attribute":"plan","operator":"equals","values":["pro"]}],"variant":"a"}]}`).State()
			want := ports.SharedValue[flag.State]{Value: state, Version: 1, Epoch: "0123456789abcdef", Revision: 4}
			key := state.Identity.Locator()
			flags.Put(t.Context(), key, want)
			got, cached := flags.Get(t.Context(), key)
			require.True(t, cached)
			assert.Equal(t, state.Definition.JSON(), got.Value.Definition.JSON())
			assert.Equal(t, state.Lifecycle, got.Value.Lifecycle)
			assert.Equal(t, state.Description, got.Value.Description)
			assert.Equal(t, state.Identity, got.Value.Identity)
			left, err := clientOf(t, b).PTTL(t.Context(), b.prefix+"feature_flag:checkout:production").Result()
			require.NoError(t, err)
			assert.InDelta(t, lifetime, left, rediscache.Jitter*float64(lifetime)+float64(time.Second))
			_, cached = flags.Get(t.Context(), flag.Locator{Environment: "production", Name: "other"})
			assert.False(t, cached)
		})
	}
}

func TestSharedLifetime(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	all := openUntimed(t, backend{address: server.Addr()}).Configurations(lifetime)
	key, value := sharedValue(t)
	shortest, longest := lifetime, time.Duration(0)
	for range 200 {
		server.Del(redisKey)
		all.Put(t.Context(), key, value)
		shortest, longest = min(shortest, server.TTL(redisKey)), max(longest, server.TTL(redisKey))
	}
	assert.GreaterOrEqual(t, shortest, 4*time.Minute)
	assert.Less(t, shortest, 4*time.Minute+15*time.Second)
	assert.LessOrEqual(t, longest, 6*time.Minute)
	assert.Greater(t, longest, 6*time.Minute-15*time.Second)
	server.Del(redisKey)
	all.Put(t.Context(), key, ports.SharedValue[configuration.State]{Epoch: value.Epoch})
	assert.Equal(t, 2*time.Second, server.TTL(redisKey))
}

func TestInvalidEntries(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	all := openUntimed(t, backend{address: server.Addr()}).Configurations(lifetime)
	key, value := sharedValue(t)
	all.Put(t.Context(), key, value)
	whole, err := server.Get(redisKey)
	require.NoError(t, err)
	rejects := func(why string) {
		t.Helper()
		_, cached := all.Get(t.Context(), key)
		assert.False(t, cached, why)
		all.Put(t.Context(), key, value)
		_, cached = all.Get(t.Context(), key)
		assert.True(t, cached, "and overwrites it: "+why)
	}
	for i := range whole {
		text := []byte(whole)
		text[i] ^= 1
		require.NoError(t, server.Set(redisKey, string(text)))
		if _, cached := all.Get(t.Context(), key); cached {
			t.Errorf("byte %d is not checked", i)
		}
	}
	for _, end := range []int{0, 1, 60, len(whole) - 1} {
		require.NoError(t, server.Set(redisKey, whole[:end]))
		rejects(fmt.Sprintf("the first %d bytes", end))
	}
	require.NoError(t, server.Set(redisKey, whole+"x"))
	rejects("an additional byte")
	require.NoError(t, server.Set(redisKey, strings.Repeat("x", 3<<20)))
	rejects("megabytes")
	server.Del(redisKey)
	_, err = server.Lpush(redisKey, "x")
	require.NoError(t, err)
	rejects("a list")
	other := key
	other.Key = "other"
	require.NoError(t, server.Set("config:production:shop:other", whole))
	_, cached := all.Get(t.Context(), other)
	assert.False(t, cached, "a value of another key")
}

func TestUnavailable(t *testing.T) {
	t.Parallel()

	t.Run("the circuit opens while Redis is unavailable, and closes afterwards", func(t *testing.T) {
		t.Parallel()
		server := miniredis.RunT(t)
		changes := make(chan bool, 10)
		all := openCache(t, rediscache.CacheOptions{
			Options: rediscache.Options{Address: server.Addr()}, CircuitChanged: func(open bool) { changes <- open },
		}).Configurations(lifetime)
		key, value := sharedValue(t)
		server.Close()
		for range 10 {
			_, cached := all.Get(t.Context(), key)
			assert.False(t, cached)
		}
		assert.True(t, <-changes)
		require.NoError(t, server.Restart())
		require.Eventually(t, func() bool {
			all.Put(t.Context(), key, value)
			_, cached := all.Get(t.Context(), key)
			return cached
		}, time.Minute, time.Millisecond)
		assert.False(t, <-changes)
		assert.Empty(t, changes)
	})

	t.Run("a Redis that does not reply delays calls only briefly", func(t *testing.T) {
		t.Parallel()
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = listener.Close() })
		changes := make(chan bool, 10)
		all := openCache(t, rediscache.CacheOptions{
			Options: rediscache.Options{Address: listener.Addr().String()}, CircuitChanged: func(open bool) { changes <- open },
		}).Configurations(lifetime)
		key, value := sharedValue(t)
		began := time.Now()
		for range 20 {
			_, cached := all.Get(t.Context(), key)
			assert.False(t, cached)
			all.Put(t.Context(), key, value)
		}
		assert.Less(t, time.Since(began), 2*time.Second, "three calls wait, and one each second")
		assert.True(t, <-changes)
	})

	t.Run("an invalid entry is not put", func(t *testing.T) {
		t.Parallel()
		server := miniredis.RunT(t)
		all := openUntimed(t, backend{address: server.Addr()}).Configurations(lifetime)
		key, value := sharedValue(t)
		value.Epoch = ""
		all.Put(t.Context(), key, value)
		assert.Empty(t, server.Keys())
	})
}
