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
	// How long a call of the cache may take, with all that it needs.
	cacheTimeout = 75 * time.Millisecond
	// After so many calls that failed in a row Redis is left alone for a while; then one
	// call finds out whether it is back.
	cacheFailures = 3
	cachePause    = time.Second
	// MaxEntryBytes is more than the largest value takes.
	maxEntryBytes = 2 << 20
)

// CacheOptions says where values are shared.
type CacheOptions struct {
	Options
	// Tell is called when Redis is left alone (true), and when it is asked again.
	Tell func(left bool)
}

// Cache shares values through Redis. A Redis that fails or is slow is left alone by a
// circuit breaker, and then nothing is held.
type Cache struct {
	client  *redis.Client
	prefix  string
	timeout time.Duration
	breaker *gobreaker.CircuitBreaker[string]
	keep    *redis.Script
}

// OpenCache returns the cache at an address. It connects when it is used.
func OpenCache(o CacheOptions) *Cache {
	redis.SetLogger(silent{})
	timeout := cmp.Or(o.Timeout, cacheTimeout)
	return &Cache{
		client: newClient(o.Options, timeout, timeout), prefix: o.Prefix, timeout: timeout,
		keep: redis.NewScript(keepText),
		breaker: gobreaker.NewCircuitBreaker[string](gobreaker.Settings{
			Timeout:      cachePause,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= cacheFailures },
			IsSuccessful: healthy,
			OnStateChange: func(_ string, _, to gobreaker.State) {
				if o.Tell != nil && to != gobreaker.StateHalfOpen {
					o.Tell(to == gobreaker.StateOpen)
				}
			},
		}),
	}
}

// healthy reports whether Redis did answer: also that it will not, and so did a caller
// who went away.
func healthy(err error) bool {
	var answer redis.Error
	return err == nil || errors.As(err, &answer) || errors.Is(err, context.Canceled)
}

// Close closes the connections.
func (c *Cache) Close() error { return translate(c.client.Close(), "close Redis") }

// call asks Redis, if it is not left alone, and returns "" for whatever goes wrong.
func (c *Cache) call(ctx context.Context, ask func(context.Context) (string, error)) string {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	text, err := c.breaker.Execute(func() (string, error) { return ask(ctx) })
	if err != nil {
		return ""
	}
	return text
}

// shared is what one kind of value is held as.
type shared[K comparable, V any] struct {
	*Cache
	// key is where a value is, lifetime about how long.
	key      func(K) string
	lifetime time.Duration
	encode   func(V) ([]byte, error)
	// decode returns the value of a key, or an error where it is another one's.
	decode func(key K, event string, body []byte) (V, error)
	// event returns the id of the event that made a value's version.
	event func(V) string
}

// Get returns what was put at a key.
func (s *shared[K, V]) Get(ctx context.Context, key K) (ports.SharedValue[V], bool) {
	text := s.call(ctx, func(ctx context.Context) (string, error) {
		return s.client.GetRange(ctx, s.prefix+s.key(key), 0, maxEntryBytes).Result()
	})
	e, ok := parseEntry(text)
	if !ok {
		return ports.SharedValue[V]{}, false
	}
	kept := ports.SharedValue[V]{Version: e.version, Epoch: e.epoch, Revision: e.revision}
	if e.version == 0 {
		return kept, true
	}
	var err error
	if kept.Value, err = s.decode(key, e.event, e.body); err != nil {
		return ports.SharedValue[V]{}, false
	}
	return kept, true
}

// Put holds a value.
func (s *shared[K, V]) Put(ctx context.Context, key K, kept ports.SharedValue[V]) {
	e := entry{epoch: kept.Epoch, version: kept.Version, revision: kept.Revision}
	lifetime := freshness.NegativeLifetime
	if kept.Version > 0 {
		var err error
		if e.body, err = s.encode(kept.Value); err != nil {
			return
		}
		e.event = s.event(kept.Value)
		lifetime = jittered(s.lifetime)
	}
	text, ok := e.text()
	if !ok {
		return
	}
	s.call(ctx, func(ctx context.Context) (string, error) {
		return "", s.Cache.keep.Run(ctx, s.client, []string{s.prefix + s.key(key)},
			headBytes, epochEnd, text, lifetime.Milliseconds()).Err()
	})
}

// Invalidate removes a value.
func (s *shared[K, V]) Invalidate(ctx context.Context, key K) {
	s.call(ctx, func(ctx context.Context) (string, error) {
		return "", s.client.Del(ctx, s.prefix+s.key(key)).Err()
	})
}

// Jitter is by how much a lifetime differs, at most, from what is set.
const Jitter = 0.2

// jittered spreads the ends of what was put at the same time.
func jittered(lifetime time.Duration) time.Duration {
	factor := 1 - Jitter + 2*Jitter*rand.Float64() //nolint:gosec // nobody gains by guessing it
	return time.Duration(float64(lifetime) * factor)
}
