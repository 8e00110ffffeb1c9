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

// lifetime is the longest lifetime of shared values in these tests.
const lifetime = time.Minute

// replica is a cache with its dependencies. A value is the number of its version.
type replica struct {
	*readthrough.Cache[string, int64]
	local *fixture.LocalCache[string, *readthrough.Entry[int64]]
	tail  *fixture.Tail
	watch *fixture.Stopwatch
}

func newReplica(shared ports.SharedCache[string, int64]) *replica {
	r := &replica{
		local: fixture.NewLocalCache[string, *readthrough.Entry[int64]](1 << 20), tail: fixture.NewTail(),
		watch: fixture.NewStopwatch(),
	}
	r.Cache = readthrough.New(readthrough.Options[string, int64]{
		Local: r.local, Shared: shared, Lifetime: lifetime, Feed: r.tail, Stopwatch: r.watch,
		Size: func(int64) int { return 8 },
	})
	return r
}

// answer returns what the replica answers to a read.
func (r *replica) answer(ctx context.Context, key string, query readthrough.Loader[int64]) (int64, error) {
	if h := r.Recall(key); h != nil {
		return h.Version, nil
	}
	h, _, err := r.Load(ctx, key, 0, query)
	if err != nil {
		return 0, err
	}
	return h.Version, nil
}

// reads is answer, which must not fail.
func (r *replica) reads(tb testing.TB, key string, query readthrough.Loader[int64]) int64 {
	tb.Helper()
	version, err := r.answer(tb.Context(), key, query)
	require.NoError(tb, err)
	return version
}

// stored is a store that has one version.
func stored(version int64) readthrough.Loader[int64] {
	return func(context.Context) (int64, int64, error) { return version, version, nil }
}

// sharedValue is a value that a replica at a revision has shared.
func sharedValue(version, revision int64) ports.SharedValue[int64] {
	return ports.SharedValue[int64]{Value: version, Version: version, Epoch: "0123456789abcdef", Revision: revision}
}
