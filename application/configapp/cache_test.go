package configapp_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// counting counts loads by identity, with hooks before and after the result.
type counting struct {
	configuration.Repository

	mu            sync.Mutex
	queries       int
	before, after func(context.Context) error
}

func (c *counting) FindByIdentity(
	ctx context.Context, i configuration.Identity,
) (*configuration.Configuration, error) {
	c.mu.Lock()
	c.queries++
	before, after := c.before, c.after
	c.mu.Unlock()
	if before != nil {
		if err := before(ctx); err != nil {
			return nil, err
		}
	}
	found, err := c.Repository.FindByIdentity(ctx, i)
	if after != nil {
		if failure := after(ctx); failure != nil {
			return nil, failure
		}
	}
	return found, err
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queries
}

func remembering(t *testing.T) (*bundle, *counting) {
	t.Helper()
	c := &counting{}
	b := setupWith(t, func(r configuration.Repository) configuration.Repository {
		c.Repository = r
		return c
	})
	return b, c
}

// query reads the configuration of creation.
func query() configapp.Read {
	return configapp.Read{Key: "database.url", Environment: "production", ServiceName: "shop"}
}

// reads returns the value and the version that a reader gets.
func (b *bundle) reads(t *testing.T) (string, configuration.Version) {
	t.Helper()
	v, err := b.Read(t.Context(), fixture.Reader(), query())
	require.NoError(t, err)
	text, _ := v.Value()
	return text.Reveal(), v.Version
}

// changeOf returns a change of the configuration of creation.
func changeOf(version int64) []ports.Change {
	return []ports.Change{{
		AggregateType: configuration.AggregateType, AggregateVersion: version,
		Environment: "production", ServiceName: "shop", Data: []byte(`{"key":"database.url"}`),
	}}
}

// elsewhere is a replica that shares the store.
func (b *bundle) elsewhere(t *testing.T) *configapp.Service {
	t.Helper()
	environments, err := scope.NewEnvironments("production", "staging")
	require.NoError(t, err)
	return configapp.New(configapp.Dependencies{
		Reveals:        &fixture.Reveals{},
		Configurations: b.store, History: b.store, Cipher: fixture.OneKey(b.cipher), Enforcement: &fixture.Vault{},
		Memory: fixture.NewLocalCache[configuration.Locator, *configapp.Entry](1 << 20), Feed: fixture.NewTail(), Stopwatch: b.watch,
		Clock: b.clock, Backoff: b.backoff, Environments: environments,
	})
}

func TestMemory(t *testing.T) {
	t.Parallel()

	t.Run("a read or written configuration is not loaded again", func(t *testing.T) {
		t.Parallel()
		b, store := remembering(t)
		made := b.created(t, "v1", false)
		for range 3 {
			value, _ := b.reads(t)
			assert.Equal(t, "v1", value)
		}
		b.updated(t, made.ID, "v2")
		value, version := b.reads(t)
		assert.Equal(t, "v2", value)
		assert.Equal(t, configuration.Version(2), version)
		assert.Zero(t, store.count())
	})

	t.Run("a change elsewhere is read when it was delivered, and a known one invalidates nothing", func(t *testing.T) {
		t.Parallel()
		b, store := remembering(t)
		made := b.created(t, "v1", false)
		require.NoError(t, b.Apply(t.Context(), changeOf(1)))
		b.reads(t)
		assert.Zero(t, store.count(), "that was its own")
		other := b.elsewhere(t)
		_, err := other.Update(t.Context(), fixture.Admin(), configapp.Update{ID: made.ID, Value: new(secret.New("v2"))})
		require.NoError(t, err)
		got, _ := b.reads(t)
		assert.Equal(t, "v1", got)
		require.NoError(t, b.Apply(t.Context(), changeOf(2)))
		got, _ = b.reads(t)
		assert.Equal(t, "v2", got)
		assert.Equal(t, 1, store.count())
	})

	t.Run("a change of no version makes everything be read anew", func(t *testing.T) {
		t.Parallel()
		b, store := remembering(t)
		b.created(t, "v1", false)
		change := changeOf(2)
		change[0].AggregateVersion = 0
		require.NoError(t, b.Apply(t.Context(), change))
		b.reads(t)
		assert.Equal(t, 1, store.count())
	})

	t.Run("a change that does not say of what makes everything be read anew", func(t *testing.T) {
		t.Parallel()
		for _, data := range []string{`[]`, `{}`, `{"key":7}`, ``} {
			b, store := remembering(t)
			b.created(t, "v1", false)
			change := changeOf(2)
			change[0].Data = []byte(data)
			require.NoError(t, b.Apply(t.Context(), change), data)
			b.reads(t)
			assert.Equal(t, 1, store.count(), data)
		}
	})

	t.Run("a load that began before a change is not cached", func(t *testing.T) {
		t.Parallel()
		for name, tell := range map[string]bool{"written here": false, "written elsewhere": true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b, store := remembering(t)
				made := b.created(t, "v1", false)
				require.NoError(t, b.Resync(t.Context()))
				store.after = func(context.Context) error {
					store.after = nil
					if !tell {
						b.updated(t, made.ID, "v2")
						// A written value may be evicted at any time.
						b.memory.Invalidate(configuration.Locator{Environment: "production", Service: "shop", Key: "database.url"})
						return nil
					}
					_, err := b.elsewhere(t).Update(t.Context(), fixture.Admin(), configapp.Update{ID: made.ID, Value: new(secret.New("v2"))})
					require.NoError(t, err)
					require.NoError(t, b.Apply(t.Context(), changeOf(2)))
					return nil
				}
				_, version := b.reads(t)
				assert.Equal(t, configuration.Version(1), version, "it was loaded before the change")
				_, version = b.reads(t)
				assert.Equal(t, configuration.Version(2), version)
				assert.Equal(t, 2, store.count())
			})
		}
	})

	t.Run("a load that began before the cache was cleared is not cached", func(t *testing.T) {
		t.Parallel()
		b, store := remembering(t)
		b.created(t, "v1", false)
		require.NoError(t, b.Resync(t.Context()))
		store.after = func(ctx context.Context) error {
			store.after = nil
			return b.Resync(ctx)
		}
		b.reads(t)
		b.reads(t)
		assert.Equal(t, 2, store.count())
	})

	t.Run("that there is none is remembered for two seconds, or until there is one", func(t *testing.T) {
		t.Parallel()
		b, store := remembering(t)
		missing := func() {
			t.Helper()
			_, err := b.Read(t.Context(), fixture.Reader(), query())
			require.ErrorIs(t, err, configuration.ErrNotFound)
		}
		missing()
		missing()
		assert.Equal(t, 1, store.count())
		b.watch.Move(2*time.Second + 1)
		missing()
		assert.Equal(t, 2, store.count())
		made := b.created(t, "v1", false)
		b.reads(t)
		_, err := b.Delete(t.Context(), fixture.Admin(), configapp.Delete{ID: made.ID})
		require.NoError(t, err)
		missing()
		b.watch.Move(time.Hour)
		missing()
	})

	t.Run("nothing older than a version is answered", func(t *testing.T) {
		t.Parallel()
		b, store := remembering(t)
		made := b.created(t, "v1", false)
		_, err := b.elsewhere(t).Update(t.Context(), fixture.Admin(), configapp.Update{ID: made.ID, Value: new(secret.New("v2"))})
		require.NoError(t, err)
		in := query()
		in.MinVersion = 2
		v, err := b.Read(t.Context(), fixture.Reader(), in)
		require.NoError(t, err)
		assert.Equal(t, configuration.Version(2), v.Version)
		assert.Equal(t, 1, store.count())
		in.MinVersion = 3
		_, err = b.Read(t.Context(), fixture.Reader(), in)
		require.ErrorIs(t, err, scope.ErrStale)
		in.Version = 1
		_, err = b.Read(t.Context(), fixture.Reader(), in)
		require.ErrorIs(t, err, fault.ErrInvalid)
	})

	t.Run("tokens are cached, and decrypted for callers with the right", func(t *testing.T) {
		t.Parallel()
		b, store := remembering(t)
		b.created(t, "a secret", true)
		for range 2 {
			v, err := b.Read(t.Context(), fixture.Admin(), query())
			require.NoError(t, err)
			text, shown := v.Value()
			assert.True(t, shown)
			assert.Equal(t, "a secret", text.Reveal())
			assert.Nil(t, v.Prepared, "nothing decrypted is cached")
			v, err = b.Read(t.Context(), fixture.Reader(), query())
			require.NoError(t, err)
			_, shown = v.Value()
			assert.False(t, shown)
		}
		assert.Zero(t, store.count())
	})
}

func TestMemoryWithoutFeed(t *testing.T) {
	t.Parallel()

	t.Run("memory that may be too old is not used while the store answers", func(t *testing.T) {
		t.Parallel()
		b, store := remembering(t)
		made := b.created(t, "v1", false)
		_, err := b.elsewhere(t).Update(t.Context(), fixture.Admin(), configapp.Update{ID: made.ID, Value: new(secret.New("v2"))})
		require.NoError(t, err)
		b.tail.Grow(2 * time.Second)
		got, _ := b.reads(t)
		assert.Equal(t, "v1", got, "two seconds are tolerated")
		b.tail.Grow(1)
		got, _ = b.reads(t)
		assert.Equal(t, "v2", got)
		b.reads(t)
		assert.Equal(t, 2, store.count())
	})

	t.Run("a cached value is used while the store is unavailable, with its maximum age", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, store := remembering(t)
			b.created(t, "v1", false)
			store.before = func(context.Context) error { return fault.ErrUnavailable }
			b.tail.Grow(10 * time.Second)
			for range 5 {
				v, err := b.Read(t.Context(), fixture.Reader(), query())
				require.NoError(t, err)
				assert.Equal(t, 10*time.Second, v.Stale)
			}
			assert.Equal(t, 1, store.count(), "a store that has failed is left alone for a second")
			b.watch.Move(time.Second)
			b.reads(t)
			assert.Equal(t, 2, store.count())
			other := query()
			other.Key = "unknown"
			_, err := b.Read(t.Context(), fixture.Reader(), other)
			require.ErrorIs(t, err, fault.ErrUnavailable)
		})
	})

	t.Run("a store that does not answer delays no caller for long where there is a cached value", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, store := remembering(t)
			b.created(t, "v1", false)
			store.before = func(ctx context.Context) error {
				<-ctx.Done()
				return fault.ErrUnavailable
			}
			b.tail.Grow(10 * time.Second)
			began := time.Now()
			b.reads(t)
			assert.Equal(t, 250*time.Millisecond, time.Since(began))
			time.Sleep(time.Minute) // of the bubble: in-flight loads end
		})
	})

	t.Run("concurrent callers of one configuration share a load", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, store := remembering(t)
			b.created(t, "v1", false)
			require.NoError(t, b.Resync(t.Context()))
			answer := make(chan struct{})
			store.before = func(context.Context) error {
				<-answer
				return nil
			}
			var asking sync.WaitGroup
			for range 20 {
				asking.Go(func() { b.reads(t) })
			}
			synctest.Wait()
			close(answer)
			asking.Wait()
			assert.Equal(t, 1, store.count())
		})
	})
}
