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

// version is a value that says which event made it.
type version struct {
	number int64
	event  string
}

// identified is a replica whose values carry their event.
type identified struct {
	*readthrough.Cache[string, version]
	local *fixture.Memory[string, *readthrough.Entry[version]]
	tail  *fixture.Tail
}

func newIdentified(shared ports.Shared[string, version]) identified {
	r := identified{local: fixture.NewMemory[string, *readthrough.Entry[version]](1 << 20), tail: fixture.NewTail()}
	r.Cache = readthrough.New(readthrough.Options[string, version]{
		Local: r.local, Shared: shared, Lifetime: lifetime, Feed: r.tail, Stopwatch: fixture.NewStopwatch(),
		Size: func(version) int { return 8 }, Event: func(v version) string { return v.event },
	})
	return r
}

func (r identified) reads(tb testing.TB, stored *version) version {
	tb.Helper()
	if h := r.Recall("a"); h != nil {
		return h.Value
	}
	h, _, err := r.Load(tb.Context(), "a", 0, func(context.Context) (version, int64, error) {
		if stored == nil {
			tb.Error("the store was asked")
			return version{}, 0, fault.ErrUnavailable
		}
		return *stored, stored.number, nil
	})
	require.NoError(tb, err)
	return h.Value
}

func sharedVersion(v version, revision int64) ports.Kept[version] {
	return ports.Kept[version]{Value: v, Version: v.number, Epoch: "0123456789abcdef", Revision: revision}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	lost, two := version{number: 2, event: "lost"}, version{number: 2, event: "two"}

	t.Run("a version that another event made is let go of when the feed tells, and never comes back", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := fixture.NewShared[string, version]()
			a := newIdentified(shared)
			a.Saved("a", lost, 2)
			synctest.Wait()
			assert.Equal(t, lost, a.reads(t, nil))
			a.Changed("a", 2, 1, "two")
			assert.Nil(t, a.Recall("a"))
			assert.Equal(t, two, a.reads(t, &two), "what is shared is not believed, either")
			assert.Equal(t, two, a.reads(t, nil))
			a.local.Drop("a")
			shared.Hold("a", sharedVersion(lost, 9))
			assert.Equal(t, two, a.reads(t, &two))
			a.Saved("a", lost, 2)
			assert.Equal(t, two, a.reads(t, &two), "a write that is told of late")
		})
	})

	t.Run("a replica that was told does not believe what another one shared", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewShared[string, version]()
		b := newIdentified(shared)
		b.Changed("a", 2, 1, "two")
		shared.Hold("a", sharedVersion(lost, 5))
		assert.Equal(t, two, b.reads(t, &two))
	})

	t.Run("the same event, and one that is not known, change nothing", func(t *testing.T) {
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
		assert.Equal(t, old, a.reads(t, nil), "a row from before ids were kept")
	})
}

// deaf is what replicas share when it cannot be reached for a Drop.
type deaf struct {
	*fixture.Shared[string, version]
}

func (deaf) Drop(context.Context, string) {}

// ends is what replicas share, and looks at the contexts that it is dropped under.
type ends struct {
	*fixture.Shared[string, version]
	ended error
}

func (e *ends) Drop(ctx context.Context, key string) {
	e.ended = ctx.Err()
	_, bounded := ctx.Deadline()
	if !bounded {
		e.ended = errors.New("no deadline")
	}
	e.Shared.Drop(ctx, key)
}

func TestDoubt(t *testing.T) {
	t.Parallel()
	one, two := version{number: 1, event: "one"}, version{number: 2, event: "two"}
	unknown := fault.ErrUnavailable.WithCause(errors.New("the connection was lost"))

	t.Run("a save of unknown outcome drops the place here and for all, also when its caller has gone", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := &ends{Shared: fixture.NewShared[string, version]()}
			a := newIdentified(shared)
			assert.Equal(t, one, a.reads(t, &one))
			synctest.Wait()
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			a.SaveFailed(gone, "a", unknown)
			require.NoError(t, shared.ended)
			_, held := shared.Get(t.Context(), "a")
			assert.False(t, held)
			assert.Equal(t, two, a.reads(t, &two))
		})
	})

	t.Run("where it cannot be dropped it is not believed, for as long as it may live", func(t *testing.T) {
		t.Parallel()
		for turns := range 3 {
			shared := fixture.NewShared[string, int64]()
			r := newReplica(deafTo{shared})
			r.tail.Move(7)
			r.Invalidate(t.Context(), "a")
			r.turn(turns)
			shared.Hold("a", kept(1, 7))
			assert.Equal(t, int64(2), r.reads(t, "a", says(2)), "after %d lifetimes", turns)
		}
	})

	t.Run("what a replica shared that was further in the feed is believed", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewShared[string, version]()
		a := newIdentified(deaf{shared})
		a.tail.Move(7)
		a.Invalidate(t.Context(), "a")
		shared.Hold("a", sharedVersion(two, 8))
		assert.Equal(t, two, a.reads(t, nil))
	})

	t.Run("a load that began before keeps nothing, and one that began after does", func(t *testing.T) {
		t.Parallel()
		r := newReplica(nil)
		assert.Equal(t, int64(1), r.reads(t, "a", func(context.Context) (int64, int64, error) {
			r.Invalidate(t.Context(), "a")
			return 1, 1, nil
		}))
		assert.Nil(t, r.Recall("a"))
		assert.Equal(t, int64(2), r.reads(t, "a", says(2)))
		assert.NotNil(t, r.Recall("a"))
	})

	t.Run("a refusal evicts, and a store that was not reached does not", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewShared[string, version]()
		a := newIdentified(shared)
		for err, kept := range map[error]bool{
			scope.ErrStale: false, scope.ErrAlreadyExists: false,
			fault.ErrUnavailable.WithCause(fmt.Errorf("%w: refused", fault.ErrUnreached)): true,
		} {
			a.reads(t, &one)
			a.SaveFailed(t.Context(), "a", err)
			assert.Equal(t, kept, a.Recall("a") != nil, "%v", err)
		}
	})
}

// deafTo is deaf for other values.
type deafTo struct{ *fixture.Shared[string, int64] }

func (deafTo) Drop(context.Context, string) {}
