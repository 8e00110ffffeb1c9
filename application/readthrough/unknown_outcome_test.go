package readthrough_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/readthrough"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// version is a value with the event that made it.
type version struct {
	number int64
	event  string
}

// identified is a replica whose values have events.
type identified struct {
	*readthrough.Cache[string, version]
	local *fixture.LocalCache[string, *readthrough.Entry[version]]
	tail  *fixture.Tail
}

func newIdentified(shared ports.SharedCache[string, version]) identified {
	r := identified{local: fixture.NewLocalCache[string, *readthrough.Entry[version]](1 << 20), tail: fixture.NewTail()}
	r.Cache = readthrough.New(readthrough.Options[string, version]{
		Local: r.local, Shared: shared, Lifetime: lifetime, Feed: r.tail, Stopwatch: fixture.NewStopwatch(),
		Size: func(version) int { return 8 }, Event: func(v version) string { return v.event },
	})
	return r
}

func (r identified) reads(tb testing.TB, row *version) version {
	tb.Helper()
	if h := r.Recall("a"); h != nil {
		return h.Value
	}
	h, _, err := r.Load(tb.Context(), "a", 0, func(context.Context) (version, int64, error) {
		if row == nil {
			tb.Error("the store was queried")
			return version{}, 0, fault.ErrUnavailable
		}
		return *row, row.number, nil
	})
	require.NoError(tb, err)
	return h.Value
}

func sharedVersion(v version, revision int64) ports.SharedValue[version] {
	return ports.SharedValue[version]{Value: v, Version: v.number, Epoch: "0123456789abcdef", Revision: revision}
}

func TestVersionsOfOtherEvents(t *testing.T) {
	t.Parallel()
	lost, two := version{number: 2, event: "lost"}, version{number: 2, event: "two"}

	t.Run("a version by another event than the feed's is invalidated, and is not cached again", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := fixture.NewSharedCache[string, version]()
			a := newIdentified(shared)
			a.Saved("a", lost, 2)
			synctest.Wait()
			assert.Equal(t, lost, a.reads(t, nil))
			a.Changed("a", 2, 1, "two")
			assert.Nil(t, a.Recall("a"))
			assert.Equal(t, two, a.reads(t, &two), "the shared value is rejected, too")
			assert.Equal(t, two, a.reads(t, nil))
			a.local.Invalidate("a")
			shared.Force("a", sharedVersion(lost, 9))
			assert.Equal(t, two, a.reads(t, &two))
			a.Saved("a", lost, 2)
			assert.Equal(t, two, a.reads(t, &two), "a save that is recorded after the change")
		})
	})

	t.Run("a shared value by another event than the feed's is rejected", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewSharedCache[string, version]()
		b := newIdentified(shared)
		b.Changed("a", 2, 1, "two")
		shared.Force("a", sharedVersion(lost, 5))
		assert.Equal(t, two, b.reads(t, &two))
	})

	t.Run("the same event, and an unknown one, invalidate nothing", func(t *testing.T) {
		t.Parallel()
		for _, event := range []string{"two", ""} {
			a := newIdentified(nil)
			a.Saved("a", two, 2)
			a.Changed("a", 2, 1, event)
			assert.Equal(t, two, a.reads(t, nil))
		}
		old := version{number: 2}
		a := newIdentified(nil)
		assert.Equal(t, old, a.reads(t, &old))
		a.Changed("a", 2, 1, "two")
		assert.Equal(t, old, a.reads(t, nil), "a row from before events had ids")
	})
}

// deafCache is a shared cache that ignores invalidations.
type deafCache struct {
	*fixture.SharedCache[string, version]
}

func (deafCache) Invalidate(context.Context, string) {}

// contextCheckingCache is a shared cache that checks the contexts of invalidations.
type contextCheckingCache struct {
	*fixture.SharedCache[string, version]
	failure error
}

func (c *contextCheckingCache) Invalidate(ctx context.Context, key string) {
	c.failure = ctx.Err()
	_, bounded := ctx.Deadline()
	if !bounded {
		c.failure = errors.New("no deadline")
	}
	c.SharedCache.Invalidate(ctx, key)
}

func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	one, two := version{number: 1, event: "one"}, version{number: 2, event: "two"}
	unknown := fault.ErrUnavailable.WithCause(errors.New("the connection was lost"))

	t.Run("a save of unknown outcome invalidates both caches, also when its caller is cancelled", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := &contextCheckingCache{SharedCache: fixture.NewSharedCache[string, version]()}
			a := newIdentified(shared)
			assert.Equal(t, one, a.reads(t, &one))
			synctest.Wait()
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			a.SaveFailed(cancelled, "a", unknown)
			require.NoError(t, shared.failure)
			_, cached := shared.Get(t.Context(), "a")
			assert.False(t, cached)
			assert.Equal(t, two, a.reads(t, &two))
		})
	})

	t.Run("a shared value that cannot be invalidated is rejected, for as long as it may live", func(t *testing.T) {
		t.Parallel()
		for lifetimes := range 3 {
			shared := fixture.NewSharedCache[string, int64]()
			r := newReplica(deafNumberCache{shared})
			r.tail.Move(7)
			r.Invalidate(t.Context(), "a")
			r.rotate(lifetimes)
			shared.Force("a", sharedValue(1, 7))
			assert.Equal(t, int64(2), r.reads(t, "a", stored(2)), "after %d lifetimes", lifetimes)
		}
	})

	t.Run("a value of a replica that was further in the feed is accepted", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewSharedCache[string, version]()
		a := newIdentified(deafCache{shared})
		a.tail.Move(7)
		a.Invalidate(t.Context(), "a")
		shared.Force("a", sharedVersion(two, 8))
		assert.Equal(t, two, a.reads(t, nil))
	})

	t.Run("a load that began before an invalidation is not cached, one that began after is", func(t *testing.T) {
		t.Parallel()
		r := newReplica(nil)
		assert.Equal(t, int64(1), r.reads(t, "a", func(context.Context) (int64, int64, error) {
			r.Invalidate(t.Context(), "a")
			return 1, 1, nil
		}))
		assert.Nil(t, r.Recall("a"))
		assert.Equal(t, int64(2), r.reads(t, "a", stored(2)))
		assert.NotNil(t, r.Recall("a"))
	})

	t.Run("a rejected save invalidates, and one that did not reach the store does not", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewSharedCache[string, version]()
		a := newIdentified(shared)
		for err, cached := range map[error]bool{
			scope.ErrStale: false, scope.ErrAlreadyExists: false,
			fault.ErrUnavailable.WithCause(fmt.Errorf("%w: refused", fault.ErrUnreached)): true,
		} {
			a.reads(t, &one)
			a.SaveFailed(t.Context(), "a", err)
			assert.Equal(t, cached, a.Recall("a") != nil, "%v", err)
		}
	})
}

// deafNumberCache is a deafCache of numbers.
type deafNumberCache struct {
	*fixture.SharedCache[string, int64]
}

func (deafNumberCache) Invalidate(context.Context, string) {}
