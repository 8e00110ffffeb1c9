package heap_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/bootstrap/heap"
)

const mebibyte = 1 << 20

func TestPercent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		live, headroom int64
		want           int
	}{
		{name: "an unknown heap has the largest percentage", live: 0, headroom: 16 * mebibyte, want: 400},
		{name: "a small heap has the largest percentage", live: 2 * mebibyte, headroom: 16 * mebibyte, want: 400},
		{name: "a heap of the headroom grows to three times its size", live: 16 * mebibyte, headroom: 16 * mebibyte, want: 200},
		{name: "a large heap has about the default", live: 1600 * mebibyte, headroom: 16 * mebibyte, want: 101},
		{name: "no headroom is the default", live: 2 * mebibyte, headroom: 0, want: 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, heap.Percent(c.live, c.headroom))
		})
	}
}

func TestTuner(t *testing.T) { //nolint:paralleltest // it sets what the process has once
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	tuner := heap.NewTuner(16 * mebibyte)
	runtime.GC()
	require.NoError(t, tuner.Tune(t.Context()))
	assert.Equal(t, 400, current())

	large := make([]byte, 64*mebibyte)
	runtime.GC()
	require.NoError(t, tuner.Tune(t.Context()))
	assert.InDelta(t, 125, current(), 5, "the percentage falls as the heap grows")
	runtime.KeepAlive(large)
}

// current returns the GOGC of the process.
func current() int {
	percent := debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return percent
}
