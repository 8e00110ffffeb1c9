package readthrough_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/application/readthrough"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// filled returns a cache over the real local memory, with some keys in it.
func filled(tb testing.TB, keys int) (*readthrough.Cache[string, int64], []string) {
	tb.Helper()
	c := readthrough.New(readthrough.Options[string, int64]{
		Local: localcache.NewCache[string, *readthrough.Entry[int64]](64 << 20), Lifetime: lifetime,
		Feed: fixture.NewTail(), Stopwatch: system.NewStopwatch(), Size: func(int64) int { return 8 },
	})
	names := make([]string, keys)
	for n := range names {
		names[n] = strconv.Itoa(n)
		c.Saved(names[n], 1, 1)
		require.NotNil(tb, c.Recall(names[n]))
	}
	return c, names
}

func TestLocalHitsAllocateNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of all goroutines
	c, names := filled(t, 1)
	assert.Zero(t, testing.AllocsPerRun(1000, func() { c.Recall(names[0]) }))
}

func BenchmarkRecall(b *testing.B) {
	const keys = 1024
	c, names := filled(b, keys)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for n := 0; pb.Next(); n++ {
			c.Recall(names[n%keys])
		}
	})
}
