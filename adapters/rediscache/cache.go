package rediscache

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/ports"
)

const (
	// CacheTimeout bounds a call with its connection.
	cacheTimeout = 75 * time.Millisecond
	// After so many failures in a row the circuit opens for a while; then one call is the
	// trial.
	cacheFailures  = 3
	circuitTimeout = time.Second
	// MaxEntryBytes is larger than any entry.
	maxEntryBytes = 2 << 20
)

// CacheOptions selects a Redis for the shared cache.
type CacheOptions struct {
	Options
	// CircuitChanged is called when the circuit opens (true), and when it closes.
	CircuitChanged func(open bool)
}

// Cache is the shared cache. A circuit breaker bypasses a Redis that fails or is slow;
// then all reads are misses.
type Cache struct {
	client  *redis.Client
	prefix  string
	timeout time.Duration
	breaker *gobreaker.CircuitBreaker[string]
	put     *redis.Script
}

// OpenCache returns the cache at an address. It connects when it is used.
func OpenCache(o CacheOptions) *Cache {
	redis.SetLogger(silent{})
	timeout := cmp.Or(o.Timeout, cacheTimeout)
	return &Cache{
		client: newClient(o.Options, timeout, timeout), prefix: o.Prefix, timeout: timeout,
		put: redis.NewScript(putText),
		breaker: gobreaker.NewCircuitBreaker[string](gobreaker.Settings{
			Timeout:      circuitTimeout,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= cacheFailures },
			IsSuccessful: healthy,
			OnStateChange: func(_ string, _, to gobreaker.State) {
				if o.CircuitChanged != nil && to != gobreaker.StateHalfOpen {
					o.CircuitChanged(to == gobreaker.StateOpen)
				}
			},
		}),
	}
}

// healthy reports whether an outcome is no failure of Redis: a reply, also an error, or a
// cancelled call.
func healthy(err error) bool {
	var reply redis.Error
	return err == nil || errors.As(err, &reply) || errors.Is(err, context.Canceled)
}

// Close closes the connections.
func (c *Cache) Close() error { return translate(c.client.Close(), "close Redis") }

// call runs a command unless the circuit is open, and returns "" after any failure.
func (c *Cache) call(ctx context.Context, command func(context.Context) (string, error)) string {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	text, err := c.breaker.Execute(func() (string, error) { return command(ctx) })
	if err != nil {
		return ""
	}
	return text
}

// shared is the shared cache of one type of values.
type shared[K comparable, V any] struct {
	*Cache
	// key is that of Redis, lifetime about how long a value lives.
	key      func(K) string
	lifetime time.Duration
	encode   func(V) ([]byte, error)
	// decode returns the value of a key, or an error where it is another key's.
	decode func(key K, event string, body []byte) (V, error)
	// event returns the id of the event that made a value's version.
	event func(V) string
}

// Get returns the value of a key.
func (s *shared[K, V]) Get(ctx context.Context, key K) (ports.SharedValue[V], bool) {
	text := s.call(ctx, func(ctx context.Context) (string, error) {
		return s.client.GetRange(ctx, s.prefix+s.key(key), 0, maxEntryBytes).Result()
	})
	e, ok := parseEntry(text)
	if !ok {
		return ports.SharedValue[V]{}, false
	}
	value := ports.SharedValue[V]{Version: e.version, Epoch: e.epoch, Revision: e.revision}
	if e.version == 0 {
		return value, true
	}
	var err error
	if value.Value, err = s.decode(key, e.event, e.body); err != nil {
		return ports.SharedValue[V]{}, false
	}
	return value, true
}

// Put caches a value.
func (s *shared[K, V]) Put(ctx context.Context, key K, value ports.SharedValue[V]) {
	e := entry{epoch: value.Epoch, version: value.Version, revision: value.Revision, body: []byte(absent)}
	lifetime := freshness.NegativeLifetime
	if value.Version > 0 {
		var err error
		if e.body, err = s.encode(value.Value); err != nil {
			return
		}
		e.event = s.event(value.Value)
		lifetime = jittered(s.lifetime)
	}
	text, ok := e.text()
	if !ok {
		return
	}
	s.call(ctx, func(ctx context.Context) (string, error) {
		return "", s.Cache.put.Run(ctx, s.client, []string{s.prefix + s.key(key)},
			headBytes, epochEnd, text, lifetime.Milliseconds()).Err()
	})
}

// Invalidate removes a value.
func (s *shared[K, V]) Invalidate(ctx context.Context, key K) {
	s.call(ctx, func(ctx context.Context) (string, error) {
		return "", s.client.Del(ctx, s.prefix+s.key(key)).Err()
	})
}

// Jitter is the largest relative deviation of a lifetime.
const Jitter = 0.2

// jittered spreads the expiry of values that were put at the same time.
func jittered(lifetime time.Duration) time.Duration {
	factor := 1 - Jitter + 2*Jitter*rand.Float64() //nolint:gosec // it needs no secure randomness
	return time.Duration(float64(lifetime) * factor)
}
