package registry_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// leases returns so many leases.
func leases(tb testing.TB, prefix string, n int) []registry.LeaseKey {
	tb.Helper()
	list := make([]registry.LeaseKey, n)
	for i := range list {
		list[i] = registry.LeaseKey{
			Key: registry.Key{Service: shop(tb), Ref: ref(tb, fmt.Sprintf("%s-%03d", prefix, i))}, Epoch: 1,
		}
	}
	return list
}

func at(d time.Duration) registry.Instant { return registry.Instant(1_000_000_000_000).Add(d) }

func watching(alive int) *registry.Preservation {
	p := registry.NewPreservation(registry.Preserved{})
	p.Observe(at(0), alive, 0)
	return p
}

func TestPreservation(t *testing.T) {
	t.Parallel()

	t.Run("15 % may leave within a minute, rounded up, and at least one", func(t *testing.T) {
		t.Parallel()
		for alive, want := range map[int]int{0: 1, 1: 1, 6: 1, 7: 2, 10: 2, 100: 15, 101: 16, 500: 75} {
			assert.Equal(t, want, watching(alive).Allowance(), alive)
		}
		p := watching(100)
		d := p.Decide(at(0), leases(t, "a", 15))
		assert.Len(t, d.Leave, 15)
		assert.False(t, d.Protected)
		d = p.Decide(at(59*time.Second), leases(t, "b", 1))
		assert.True(t, d.Protected, "the window has not passed")
	})

	t.Run("a window later as many may leave again", func(t *testing.T) {
		t.Parallel()
		p := watching(100)
		p.Decide(at(0), leases(t, "a", 15))
		assert.Len(t, p.Decide(at(time.Minute), leases(t, "b", 15)).Leave, 15)
	})

	t.Run("one more than may leave protects them all, and those that left within the window", func(t *testing.T) {
		t.Parallel()
		p := watching(100)
		left := p.Decide(at(0), leases(t, "a", 10)).Leave
		d := p.Decide(at(time.Second), leases(t, "b", 6))
		assert.True(t, d.Protected)
		assert.Empty(t, d.Leave)
		assert.ElementsMatch(t, slices.Concat(left, leases(t, "b", 6)), d.Hold)
	})

	t.Run("it ends when no more than the allowance are overdue, and they leave", func(t *testing.T) {
		t.Parallel()
		p := watching(100)
		gone := leases(t, "a", 50)
		p.Decide(at(0), gone)
		p.Forget(gone[:34]...)
		assert.True(t, p.Decide(at(time.Second), nil).Protected)
		p.Forget(gone[34])
		d := p.Decide(at(2*time.Second), nil)
		assert.False(t, d.Protected)
		assert.Equal(t, gone[35:], d.Release)
		assert.Empty(t, p.Decide(at(3*time.Second), nil).Release)
	})

	t.Run("after ten minutes it ends, and the allowance leaves in each window", func(t *testing.T) {
		t.Parallel()
		p := watching(100)
		gone := leases(t, "a", 40)
		p.Decide(at(0), gone)
		assert.True(t, p.Decide(at(10*time.Minute-time.Second), nil).Protected)
		d := p.Decide(at(10*time.Minute), nil)
		assert.False(t, d.Protected)
		assert.Equal(t, gone[:15], d.Release, "the oldest first")
		assert.Empty(t, p.Decide(at(10*time.Minute+59*time.Second), nil).Release)
		assert.Equal(t, gone[15:30], p.Decide(at(11*time.Minute), nil).Release)
		assert.Equal(t, gone[30:], p.Decide(at(12*time.Minute), nil).Release)
		p.Decide(at(14*time.Minute), nil)
		assert.True(t, p.Idle())
	})

	t.Run("a deregistration lowers the expected number at once", func(t *testing.T) {
		t.Parallel()
		p := watching(500)
		for alive := 499; alive >= 50; alive-- {
			p.Observe(at(time.Second), alive, 1)
		}
		assert.Equal(t, 8, p.Allowance())
		assert.False(t, p.Decide(at(2*time.Second), nil).Protected)
	})

	t.Run("the most that were alive count for ten minutes", func(t *testing.T) {
		t.Parallel()
		p := watching(100)
		p.Observe(at(5*time.Minute), 20, 0)
		assert.Equal(t, 15, p.Allowance())
		p.Observe(at(11*time.Minute+time.Second), 20, 0)
		assert.Equal(t, 3, p.Allowance())
	})

	t.Run("a new sweeper continues from the stored state", func(t *testing.T) {
		t.Parallel()
		var stored []registry.Lease
		for i, h := range leases(t, "a", 40) {
			stored = append(stored, registry.Lease{LeaseKey: h, Ends: at(time.Duration(i) * time.Second)})
		}
		p := registry.NewPreservation(registry.Preserved{Since: new(at(0)), Held: stored})
		p.Observe(at(9*time.Minute), 100, 0)
		assert.True(t, p.Decide(at(9*time.Minute), nil).Protected)
		assert.Len(t, p.Decide(at(10*time.Minute), nil).Release, 15)
	})

	t.Run("a new sweeper knows the instances that left within the window", func(t *testing.T) {
		t.Parallel()
		var left []registry.Lease
		for _, h := range leases(t, "a", 10) {
			left = append(left, registry.Lease{LeaseKey: h, Ends: at(0)})
		}
		p := registry.NewPreservation(registry.Preserved{Left: left})
		p.Observe(at(30*time.Second), 100, 0)
		d := p.Decide(at(30*time.Second), leases(t, "b", 6))
		assert.True(t, d.Protected)
		assert.Len(t, d.Hold, 16)
		p = registry.NewPreservation(registry.Preserved{Left: left})
		p.Observe(at(time.Minute), 100, 0)
		assert.Len(t, p.Decide(at(time.Minute), leases(t, "b", 6)).Leave, 6)
	})

	t.Run("many instances that left are restored some at a time", func(t *testing.T) {
		t.Parallel()
		p := watching(10_000)
		p.Decide(at(0), leases(t, "a", 1500))
		first := p.Decide(at(time.Second), leases(t, "b", 1))
		assert.Len(t, first.Hold, registry.ReturnsAtOnce+1)
		back := len(first.Hold)
		for range 5 {
			back += len(p.Decide(at(time.Second), nil).Hold)
		}
		assert.Equal(t, 1501, back)
	})

	t.Run("a copy is independent", func(t *testing.T) {
		t.Parallel()
		p := watching(10)
		c := p.Clone()
		c.Decide(at(0), leases(t, "a", 10))
		assert.True(t, p.Idle())
		assert.Len(t, c.Waiting(), 10)
	})
}

// TestPreservationAlways checks the invariants of preservation under random events.
func TestPreservationAlways(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		alive := rapid.IntRange(1, 200).Draw(r, "alive")
		p := registry.NewPreservation(registry.Preserved{})
		now := at(0)
		var protectedSince registry.Instant
		var protected bool
		listed := map[registry.LeaseKey]bool{}
		var left []registry.Instant
		// No instance comes back, so that all that leave are released, and not restored.
		for step := range rapid.IntRange(1, 60).Draw(r, "steps") {
			p.Observe(now, alive, 0)
			ended := leases(t, fmt.Sprintf("s%d", step), rapid.IntRange(0, 20).Draw(r, "ended"))
			d := p.Decide(now, ended)
			for _, h := range d.Hold {
				listed[h] = true
			}
			gone := slices.Concat(d.Leave, d.Release)
			for _, h := range gone {
				delete(listed, h)
				left = append(left, now)
			}
			ending := protected && !d.Protected && now.Sub(protectedSince) < registry.MaxProtection
			left = slices.DeleteFunc(left, func(i registry.Instant) bool { return now.Sub(i) >= registry.LeaveWindow })
			if !ending {
				require.LessOrEqual(r, len(left), max(1, int(math.Ceil(0.15*float64(alive)))))
			}
			if d.Protected && !protected {
				protectedSince = now
			}
			protected = d.Protected
			if protected {
				require.Less(r, now.Sub(protectedSince), registry.MaxProtection)
				left = nil
			}
			now = now.Add(time.Duration(rapid.IntRange(1, 90).Draw(r, "seconds")) * time.Second)
		}
		// It ends by itself.
		for n := 0; len(listed) > 0; n++ {
			require.Less(r, n, 2000, "an instance is held for ever")
			d := p.Decide(now, nil)
			for _, h := range slices.Concat(d.Leave, d.Release) {
				delete(listed, h)
			}
			now = now.Add(time.Minute)
		}
	})
}
