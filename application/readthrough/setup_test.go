package readthrough_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/readthrough"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// lifetime is how long the shared values of the tests live at most.
const lifetime = time.Minute

// replica is a cache with all that it stands on. A value is the version's number.
type replica struct {
	*readthrough.Cache[string, int64]
	local *fixture.Memory[string, *readthrough.Entry[int64]]
	tail  *fixture.Tail
	watch *fixture.Stopwatch
}

func newReplica(shared ports.Shared[string, int64]) *replica {
	r := &replica{
		local: fixture.NewMemory[string, *readthrough.Entry[int64]](1 << 20), tail: fixture.NewTail(),
		watch: fixture.NewStopwatch(),
	}
	r.Cache = readthrough.New(readthrough.Options[string, int64]{
		Local: r.local, Shared: shared, Lifetime: lifetime, Feed: r.tail, Stopwatch: r.watch,
		Size: func(int64) int { return 8 },
	})
	return r
}

// answer returns what the replica answers, when asking the store is ask.
func (r *replica) answer(ctx context.Context, at string, ask readthrough.Loader[int64]) (int64, error) {
	if h := r.Recall(at); h != nil {
		return h.Version, nil
	}
	h, _, err := r.Load(ctx, at, 0, ask)
	if err != nil {
		return 0, err
	}
	return h.Version, nil
}

// reads is answer where there has to be one.
func (r *replica) reads(tb testing.TB, at string, ask readthrough.Loader[int64]) int64 {
	tb.Helper()
	version, err := r.answer(tb.Context(), at, ask)
	require.NoError(tb, err)
	return version
}

// says is a store that has one version.
func says(version int64) readthrough.Loader[int64] {
	return func(context.Context) (int64, int64, error) { return version, version, nil }
}

// kept is what somebody shared who was at a revision.
func kept(version, revision int64) ports.Kept[int64] {
	return ports.Kept[int64]{Value: version, Version: version, Epoch: "0123456789abcdef", Revision: revision}
}
