package heap

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
)

// Bounds of the percentage: the runtime's default, and the one at which its minimum heap
// (4 MiB for 100 percent) is 16 MiB.
const (
	minPercent = 100
	maxPercent = 400
)

// Percent returns the GOGC for a heap with so many live bytes: it grows as one with
// headroom more live bytes does with the default of 100. A heap of a few megabytes would
// otherwise be collected dozens of times per second under load, and one of hundreds of
// megabytes is hardly affected.
func Percent(live, headroom int64) int {
	return int(min(minPercent+100*headroom/max(live, 1), maxPercent))
}

// Tuner adapts the GOGC of the process to its live heap.
type Tuner struct {
	headroom int64
	percent  int
	sample   []metrics.Sample
}

// NewTuner returns a tuner with a headroom in bytes.
func NewTuner(headroom int64) *Tuner {
	return &Tuner{headroom: headroom, sample: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
}

// Tune sets the GOGC for what the last collection left, if it changes by more than a tenth.
// Setting it stops the world for some microseconds.
func (t *Tuner) Tune(context.Context) error {
	metrics.Read(t.sample)
	percent := Percent(int64(t.sample[0].Value.Uint64()), t.headroom) //nolint:gosec // far below 2^63
	if difference := percent - t.percent; max(difference, -difference) > t.percent/10 {
		debug.SetGCPercent(percent)
		t.percent = percent
	}
	return nil
}
