package flagapp_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestSnapshots(t *testing.T) {
	t.Parallel()

	t.Run("there is none before the first refresh", func(t *testing.T) {
		t.Parallel()
		s := setup(t).replica(t)
		_, err := s.Snapshot(t.Context(), fixture.Reader(), "production")
		require.ErrorIs(t, err, fault.ErrUnavailable)
		_, err = s.Snapshot(t.Context(), fixture.Reader(), "mars")
		require.ErrorIs(t, err, fault.ErrInvalid)
	})

	t.Run("a write is in the snapshot before its response", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		f := b.create(t, `"is_enabled":true`)
		assert.Equal(t, scope.Version(1), snapshot(t, b.Service).Find("f").State().Version)
		b.disable(t, f.ID)
		assert.Equal(t, scope.Version(2), snapshot(t, b.Service).Find("f").State().Version)
		_, err := b.Delete(t.Context(), fixture.Admin(), flagapp.Delete{ID: f.ID})
		require.NoError(t, err)
		assert.Nil(t, snapshot(t, b.Service).Find("f"))
		assert.Empty(t, snapshot(t, b.Service).All())
		assert.Equal(t, int64(3), snapshot(t, b.Service).Revision())
	})

	t.Run("a snapshot never changes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		f := b.create(t, `"is_enabled":true`)
		held := snapshot(t, b.Service)
		b.disable(t, f.ID)
		assert.True(t, held.Find("f").State().Definition.Enabled())
		assert.Equal(t, int64(1), held.Revision())
	})

	t.Run("another replica has a change after a refresh, at the same revision", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.replica(t)
		require.NoError(t, other.Refresh(t.Context()))
		f := b.create(t, `"is_enabled":true`)
		b.disable(t, f.ID)
		assert.Nil(t, snapshot(t, other).Find("f"))
		require.NoError(t, other.Refresh(t.Context()))
		assert.Equal(t, scope.Version(2), snapshot(t, other).Find("f").State().Version)
		assert.Equal(t, snapshot(t, b.Service).Revision(), snapshot(t, other).Revision())
	})

	t.Run("a refresh without changes leaves the snapshot", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.create(t, `"is_enabled":true`)
		held := snapshot(t, b.Service)
		require.NoError(t, b.Refresh(t.Context()))
		assert.Same(t, held, snapshot(t, b.Service))
	})

	t.Run("flags are ordered by name", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, name := range []string{"c", "a", "B"} {
			_, err := b.Create(t.Context(), fixture.Admin(), []byte(`{"name":"`+name+`","environment":"production"}`))
			require.NoError(t, err)
		}
		var names []string
		for _, f := range snapshot(t, b.Service).All() {
			names = append(names, f.Name())
		}
		assert.Equal(t, []string{"B", "a", "c"}, names)
	})

	t.Run("a delivered change is loaded", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.replica(t)
		require.NoError(t, other.Refresh(t.Context()))
		f := b.create(t, `"is_enabled":true`)
		b.disable(t, f.ID)
		require.NoError(t, other.Apply(t.Context(), []ports.Change{
			{AggregateType: "configuration", AggregateID: int64(f.ID)}, {AggregateType: "service"},
		}))
		assert.Nil(t, snapshot(t, other).Find("f"), "the change was not delivered")
		change := ports.Change{AggregateType: flag.AggregateType, AggregateID: int64(f.ID)}
		require.NoError(t, other.Apply(t.Context(), []ports.Change{change, change}))
		assert.Equal(t, scope.Version(2), snapshot(t, other).Find("f").State().Version)
		b.store.Fail(fault.ErrUnavailable)
		require.ErrorIs(t, other.Apply(t.Context(), []ports.Change{change}), fault.ErrUnavailable)
	})

	t.Run("while the store is unavailable snapshots are served with their age", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			b.create(t, `"is_enabled":true`)
			assert.Zero(t, b.Staleness())
			b.store.Fail(fault.ErrUnavailable)
			b.pass(3 * time.Second)
			assert.NotNil(t, snapshot(t, b.Service).Find("f"))
			assert.Equal(t, 3*time.Second, b.Staleness())
			b.store.Fail(nil)
			require.NoError(t, b.Refresh(t.Context()))
			assert.Zero(t, b.Staleness())
		})
	})

	t.Run("a replica that follows the feed does not query the store", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.store.Fail(errors.New("unexpected query"))
		b.watch.Move(time.Hour)
		b.tail.Grow(time.Second)
		assert.Empty(t, snapshot(t, b.Service).All())
		assert.Equal(t, time.Second, b.Staleness())
	})

	t.Run("a stale snapshot is refreshed before it is served", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			other := b.replica(t)
			require.NoError(t, other.Refresh(t.Context()))
			b.create(t, `"is_enabled":true`)
			b.pass(freshness.MaxStaleness)
			assert.Nil(t, snapshot(t, other).Find("f"))
			b.pass(1)
			assert.NotNil(t, snapshot(t, other).Find("f"))
			assert.Zero(t, other.Staleness())
		})
	})

	t.Run("callers share one refresh, and a failed one is followed by a back-off", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			b.store.Fail(fault.ErrUnavailable)
			b.pass(3 * time.Second)
			before := b.store.Counted()
			for range 10 {
				go func() { _, _ = b.Snapshot(t.Context(), fixture.Reader(), "production") }()
			}
			synctest.Wait()
			snapshot(t, b.Service)
			assert.Equal(t, before+1, b.store.Counted())
			b.pass(2 * time.Second)
			snapshot(t, b.Service)
			assert.Equal(t, before+2, b.store.Counted())
		})
	})

	t.Run("a store that hangs delays callers only briefly", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			b.store.Block()
			b.pass(3 * time.Second)
			began := time.Now()
			snapshot(t, b.Service)
			assert.Equal(t, 250*time.Millisecond, time.Since(began))
			time.Sleep(time.Second) // of the bubble: the refresh ends
		})
	})

	t.Run("a resync takes over the store's state, also an older one", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.create(t, `"is_enabled":true`)
		b.store.Forget()
		require.NoError(t, b.Refresh(t.Context()))
		assert.NotNil(t, snapshot(t, b.Service).Find("f"))
		require.NoError(t, b.Resync(t.Context()))
		assert.Nil(t, snapshot(t, b.Service).Find("f"))
		assert.Zero(t, snapshot(t, b.Service).Revision())
	})

	t.Run("awaiting a revision ends with it, or with ctx", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			arrived := make(chan int64)
			go func() {
				e, err := b.EvaluateAll(t.Context(), fixture.Reader(), flagapp.EvaluateAll{
					Environment: "production", Revision: 2, Context: &targeting.Context{},
				})
				assert.NoError(t, err)
				assert.True(t, e.Waited)
				arrived <- e.Revision()
			}()
			f := b.create(t, `"is_enabled":true`)
			synctest.Wait()
			b.disable(t, f.ID)
			assert.Equal(t, int64(2), <-arrived)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			e, err := b.EvaluateAll(ctx, fixture.Reader(), flagapp.EvaluateAll{
				Environment: "production", Revision: 99, Context: &targeting.Context{},
			})
			require.NoError(t, err)
			assert.Equal(t, int64(2), e.Revision())
		})
	})
}

func TestLostVersion(t *testing.T) {
	t.Parallel()

	t.Run("a version by another event than the feed's is replaced, in snapshots and in single reads", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		f := b.create(t, `"is_enabled":true,"description":"one"`)
		other := b.replica(t)
		require.NoError(t, other.Refresh(t.Context()))
		before := b.store.Snapshot()
		b.disable(t, f.ID)
		b.store.Restore(before)
		_, err := other.Update(t.Context(), fixture.Admin(), flagapp.Update{ID: f.ID, Change: []byte(`{"description":"two"}`)})
		require.NoError(t, err)
		require.False(t, snapshot(t, b.Service).Find("f").State().Definition.Enabled())
		stored, err := b.store.Find(t.Context(), f.ID)
		require.NoError(t, err)
		require.NoError(t, b.Apply(t.Context(), []ports.Change{{
			AggregateType: flag.AggregateType, AggregateID: int64(f.ID), AggregateVersion: 2, Revision: 2,
			EventID: stored.State().Event,
		}}))
		assert.True(t, snapshot(t, b.Service).Find("f").State().Definition.Enabled())
		read, err := b.Read(t.Context(), fixture.Reader(), flagapp.Read{Name: "f", Environment: "production"})
		require.NoError(t, err)
		text, _ := read.Description.Text()
		assert.Equal(t, "two", text)
	})
}

func TestFlagWithoutReadableVersionIsDamaged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f := b.create(t, `"is_enabled":true`)
	b.create(t, `"name":"other"`)
	b.store.LoseVersion(f.ID)
	started := b.replica(t)
	for range 2 {
		require.NoError(t, started.Refresh(t.Context()))
		found := snapshot(t, started)
		require.ErrorIs(t, found.Missing("f"), flag.ErrDamaged)
		assert.NotNil(t, found.Find("other"))
	}

	// A single damaged flag, which counts nothing.
	alone := setup(t)
	f = alone.create(t, `"is_enabled":true`)
	alone.store.LoseVersion(f.ID)
	started = alone.replica(t)
	require.NoError(t, started.Refresh(t.Context()))
	require.ErrorIs(t, snapshot(t, started).Missing("f"), flag.ErrDamaged)
}
