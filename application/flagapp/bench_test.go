package flagapp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestFreshSnapshotAllocatesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of all goroutines
	b := setup(t)
	b.create(t, `"is_enabled":true`)
	by := fixture.Reader()
	assert.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = b.Snapshot(t.Context(), by, "production") }))
}

func BenchmarkSnapshot(b *testing.B) {
	by := fixture.Reader()
	r := setup(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = r.Snapshot(b.Context(), by, "production")
		}
	})
}
