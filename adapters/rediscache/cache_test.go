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

// patient is a cache for tests that are not about time: a Redis in Go, with the race
// detector beside many other tests, takes its time.
func patient(t *testing.T, b backend) *rediscache.Cache {
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
				return patient(t, begin(t)).Configurations(lifetime)
			}, nil)
		})
	}
}

func kept(t *testing.T) (configuration.Locator, ports.SharedValue[configuration.State]) {
	t.Helper()
	state := fixture.Configuration(t).State()
	return state.Identity.Locator(), ports.SharedValue[configuration.State]{
		Value: state, Version: 1, Epoch: "0123456789abcdef", Revision: 4,
	}
}

const keyOfKept = "config:production:shop:database.url"

func TestSharedFlags(t *testing.T) {
	t.Parallel()
	for name, begin := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begin(t)
			flags := patient(t, b).Flags(lifetime)
			state := fixture.Flag(t, `{"type":"string","is_enabled":true,"description":"<about>",
				"variants":{"a":"<&>","b":"b"},"default":{"allocation":{"a":500000,"b":500000}},
				"rules":[{"id":"r","conditions":[{"attribute":"plan","operator":"equals","values":["pro"]}],"variant":"a"}]}`).State()
			want := ports.SharedValue[flag.State]{Value: state, Version: 1, Epoch: "0123456789abcdef", Revision: 4}
			at := state.Identity.Locator()
			flags.Put(t.Context(), at, want)
			got, held := flags.Get(t.Context(), at)
			require.True(t, held)
			assert.Equal(t, state.Definition.JSON(), got.Value.Definition.JSON())
			assert.Equal(t, state.Lifecycle, got.Value.Lifecycle)
			assert.Equal(t, state.Description, got.Value.Description)
			assert.Equal(t, state.Identity, got.Value.Identity)
			left, err := clientOf(t, b).PTTL(t.Context(), b.prefix+"feature_flag:checkout:production").Result()
			require.NoError(t, err)
			assert.InDelta(t, lifetime, left, rediscache.Jitter*float64(lifetime)+float64(time.Second))
			_, held = flags.Get(t.Context(), flag.Locator{Environment: "production", Name: "other"})
			assert.False(t, held)
		})
	}
}

func TestSharedLifetime(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	all := patient(t, backend{address: server.Addr()}).Configurations(lifetime)
	at, value := kept(t)
	shortest, longest := lifetime, time.Duration(0)
	for range 200 {
		server.Del(keyOfKept)
		all.Put(t.Context(), at, value)
		shortest, longest = min(shortest, server.TTL(keyOfKept)), max(longest, server.TTL(keyOfKept))
	}
	assert.GreaterOrEqual(t, shortest, 4*time.Minute)
	assert.Less(t, shortest, 4*time.Minute+15*time.Second)
	assert.LessOrEqual(t, longest, 6*time.Minute)
	assert.Greater(t, longest, 6*time.Minute-15*time.Second)
	server.Del(keyOfKept)
	all.Put(t.Context(), at, ports.SharedValue[configuration.State]{Epoch: value.Epoch})
	assert.Equal(t, 2*time.Second, server.TTL(keyOfKept))
}

func TestSharedLies(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	all := patient(t, backend{address: server.Addr()}).Configurations(lifetime)
	at, value := kept(t)
	all.Put(t.Context(), at, value)
	whole, err := server.Get(keyOfKept)
	require.NoError(t, err)
	refuses := func(why string) {
		t.Helper()
		_, held := all.Get(t.Context(), at)
		assert.False(t, held, why)
		all.Put(t.Context(), at, value)
		_, held = all.Get(t.Context(), at)
		assert.True(t, held, "and writes over it: "+why)
	}
	for i := range whole {
		text := []byte(whole)
		text[i] ^= 1
		require.NoError(t, server.Set(keyOfKept, string(text)))
		if _, held := all.Get(t.Context(), at); held {
			t.Errorf("byte %d may be another one", i)
		}
	}
	for _, end := range []int{0, 1, 60, len(whole) - 1} {
		require.NoError(t, server.Set(keyOfKept, whole[:end]))
		refuses(fmt.Sprintf("the first %d bytes", end))
	}
	require.NoError(t, server.Set(keyOfKept, whole+"x"))
	refuses("more than it was")
	require.NoError(t, server.Set(keyOfKept, strings.Repeat("x", 3<<20)))
	refuses("megabytes")
	server.Del(keyOfKept)
	_, err = server.Lpush(keyOfKept, "x")
	require.NoError(t, err)
	refuses("a list")
	other := at
	other.Key = "other"
	require.NoError(t, server.Set("config:production:shop:other", whole))
	_, held := all.Get(t.Context(), other)
	assert.False(t, held, "a value of another key")
}

func TestSharedIll(t *testing.T) {
	t.Parallel()

	t.Run("who is gone is left alone, and asked again", func(t *testing.T) {
		t.Parallel()
		server := miniredis.RunT(t)
		told := make(chan bool, 10)
		all := openCache(t, rediscache.CacheOptions{
			Options: rediscache.Options{Address: server.Addr()}, Tell: func(left bool) { told <- left },
		}).Configurations(lifetime)
		at, value := kept(t)
		server.Close()
		for range 10 {
			_, held := all.Get(t.Context(), at)
			assert.False(t, held)
		}
		assert.True(t, <-told)
		require.NoError(t, server.Restart())
		require.Eventually(t, func() bool {
			all.Put(t.Context(), at, value)
			_, held := all.Get(t.Context(), at)
			return held
		}, time.Minute, time.Millisecond)
		assert.False(t, <-told)
		assert.Empty(t, told)
	})

	t.Run("who says nothing holds nobody up for long", func(t *testing.T) {
		t.Parallel()
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = listener.Close() })
		told := make(chan bool, 10)
		all := openCache(t, rediscache.CacheOptions{
			Options: rediscache.Options{Address: listener.Addr().String()}, Tell: func(left bool) { told <- left },
		}).Configurations(lifetime)
		at, value := kept(t)
		began := time.Now()
		for range 20 {
			_, held := all.Get(t.Context(), at)
			assert.False(t, held)
			all.Put(t.Context(), at, value)
		}
		assert.Less(t, time.Since(began), 2*time.Second, "three wait, and one each second")
		assert.True(t, <-told)
	})

	t.Run("what cannot be an entry is not put", func(t *testing.T) {
		t.Parallel()
		server := miniredis.RunT(t)
		all := patient(t, backend{address: server.Addr()}).Configurations(lifetime)
		at, value := kept(t)
		value.Epoch = ""
		all.Put(t.Context(), at, value)
		assert.Empty(t, server.Keys())
	})
}
