package limit

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// usedUp is the part of a bucket below which its limit is nearly used up.
const usedUp = 0.5

// Table has the buckets of a limit whose shares are set from outside. It is safe for
// concurrent use.
type Table interface {
	// Demands adds the requests of limits that are nearly used up, or have a share of their
	// own, since the last call, which was that long ago, as fractions of the limits.
	Demands(since time.Duration, demands map[uint64]float64)
	// SetShares replaces the fractions of limits that are enforced; of limits that are not
	// among them it is an equal part. The map is not changed afterwards.
	SetShares(fractions map[uint64]float64)
}

// table has the buckets of a limit whose shares follow the demand.
type table[K comparable] struct {
	*Buckets[K]

	clock ports.Clock
}

// Rebalanced returns the buckets as a table whose shares follow the demand. It is called
// before the first request; the texts of different keys differ. All replicas have the
// same ids: digests, so that no address leaves the process. It is nil without buckets.
func Rebalanced[K comparable](b *Buckets[K], clock ports.Clock, text func(K) string) Table {
	if b == nil {
		return nil
	}
	b.identify = func(key K) uint64 {
		digest := sha256.Sum256([]byte(b.name + " " + text(key)))
		return binary.BigEndian.Uint64(digest[:])
	}
	for i := range b.shards {
		b.shards[i].counting = true
	}
	return &table[K]{Buckets: b, clock: clock}
}

// Demands adds the requests of limits that are nearly used up, or have a share of their own.
func (t *table[K]) Demands(since time.Duration, demands map[uint64]float64) {
	now, own := t.clock.Now(), t.shares.Load()
	all := t.rate.PerSecond * since.Seconds()
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for _, b := range s.touched {
			shared := own != nil && (*own)[b.id] != nil
			if shared || b.limiter.TokensAt(now) < usedUp*float64(b.limiter.Burst()) {
				demands[b.id] += float64(b.requests) / all
			}
			b.requests = 0
		}
		clear(s.touched)
		s.touched = s.touched[:0]
		s.mu.Unlock()
	}
}

// SetShares replaces the shares that are not equal.
func (t *table[K]) SetShares(fractions map[uint64]float64) {
	if len(fractions) == 0 {
		t.shares.Store(nil)
		return
	}
	shares, before := make(map[uint64]*share, len(fractions)), t.shares.Load()
	for id, fraction := range fractions {
		if before != nil && (*before)[id] != nil && (*before)[id].fraction == fraction {
			shares[id] = (*before)[id]
			continue
		}
		shares[id] = t.newShare(fraction)
	}
	t.shares.Store(&shares)
}
