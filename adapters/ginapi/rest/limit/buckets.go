package limit

import (
	"hash/maphash"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	// MaxBuckets is how many buckets a table has at most; each takes about 250 bytes.
	MaxBuckets = 100_000
	// A table has so many parts, each with a lock of its own.
	shards   = 16
	perShard = MaxBuckets / shards
	// When a bucket is added, so many others are examined: full ones are removed.
	swept = 2
	// Of so many buckets the fullest is evicted where the table is full.
	candidates = 8
)

// Rate is a limit of requests. Without PerSecond there is none.
type Rate struct {
	PerSecond float64
	// Burst is how many requests are accepted at once; 0 is those of one second.
	Burst int
}

// Buckets are the token buckets of one limit, one for each key that takes from it. Each
// replica enforces an equal share of the limit, or the one that SetShares gives it. They
// are safe for concurrent use.
//
// Memory is bounded: a bucket that is full is like none, and is removed; a table of
// MaxBuckets evicts one of the fullest, so that a flood of new keys evicts each other
// rather than the buckets of noisy ones.
type Buckets[K comparable] struct {
	name     string
	rate     Rate
	replicas func() int
	// identify returns the id of a key in shares; nil where shares are equal.
	identify func(K) uint64
	equal    atomic.Pointer[share]
	// shares are those that are not equal, by the ids of keys; nil for none.
	shares atomic.Pointer[map[uint64]*share]
	seed   maphash.Seed
	shards [shards]shard[K]
}

// share is the part of a limit that this replica enforces.
type share struct {
	fraction  float64
	perSecond float64
	burst     int
	// policy is the limit as RateLimit-Policy writes it.
	policy string
}

// NewBuckets returns the buckets of a limit, or nil for none. The name is that in
// RateLimit-Policy; replicas returns the number of replicas among which the limit is
// divided, and nil is for one.
func NewBuckets[K comparable](name string, r Rate, replicas func() int) *Buckets[K] {
	if r.PerSecond <= 0 {
		return nil
	}
	if r.Burst <= 0 {
		r.Burst = int(math.Ceil(r.PerSecond))
	}
	if replicas == nil {
		replicas = func() int { return 1 }
	}
	return &Buckets[K]{name: name, rate: r, replicas: replicas, seed: maphash.MakeSeed()}
}

// Result is the state of a bucket after a request.
type Result struct {
	// Accepted says that there was a token, which was taken.
	Accepted bool
	// Wait is after how many whole seconds there is a token, 0 if there is one.
	Wait int64
	// remaining is the number of whole tokens, reset after how many seconds it is full.
	remaining, reset int64
	name             string
	policy           string
}

// Take takes a token from the bucket of a key, if there is one.
func (b *Buckets[K]) Take(key K, now time.Time) Result {
	part := &b.shards[maphash.Comparable(b.seed, key)%shards]
	part.mu.Lock()
	bucket, s := b.bucket(part, key, now)
	part.touch(bucket)
	accepted := bucket.limiter.AllowN(now, 1)
	tokens := max(bucket.limiter.TokensAt(now), 0)
	part.mu.Unlock()
	result := Result{
		Accepted: accepted, remaining: int64(tokens), name: b.name, policy: s.policy,
		reset: seconds((float64(s.burst) - tokens) / s.perSecond),
	}
	if result.remaining == 0 {
		result.Wait = seconds((1 - tokens) / s.perSecond)
	}
	return result
}

// Len returns the number of buckets.
func (b *Buckets[K]) Len() int {
	n := 0
	for i := range b.shards {
		b.shards[i].mu.Lock()
		n += len(b.shards[i].buckets)
		b.shards[i].mu.Unlock()
	}
	return n
}

// bucket returns the bucket of a key, a new one if there is none, with the share that it
// has now. The caller holds the lock.
func (b *Buckets[K]) bucket(part *shard[K], key K, now time.Time) (*bucket[K], *share) {
	if found := part.byKey[key]; found != nil {
		s := b.shareOf(found.id)
		found.adapt(s, now)
		return found, s
	}
	var id uint64
	if b.identify != nil {
		id = b.identify(key)
	}
	s := b.shareOf(id)
	return part.add(key, id, s, now), s
}

// shareOf returns the share of this replica in the limit of a key.
func (b *Buckets[K]) shareOf(id uint64) *share {
	if shares := b.shares.Load(); shares != nil {
		if s := (*shares)[id]; s != nil {
			return s
		}
	}
	fraction := 1 / float64(max(b.replicas(), 1))
	if s := b.equal.Load(); s != nil && s.fraction == fraction {
		return s
	}
	s := b.newShare(fraction)
	b.equal.Store(s)
	return s
}

// newShare returns a fraction of the limit. A burst is at least one request: without, none
// would be accepted.
func (b *Buckets[K]) newShare(fraction float64) *share {
	const inexact = 1e-3 // so that a third of 90 is 30
	s := &share{
		fraction: fraction, perSecond: b.rate.PerSecond * fraction,
		burst: max(int(float64(b.rate.Burst)*fraction+inexact), 1),
	}
	s.policy = strconv.Quote(b.name) + ";q=" + strconv.Itoa(s.burst) +
		";w=" + strconv.FormatInt(seconds(float64(s.burst)/s.perSecond), 10)
	return s
}

// seconds rounds up to whole seconds, at least one.
func seconds(s float64) int64 { return max(int64(math.Ceil(s-1e-9)), 1) }

// bucket is the bucket of a key. Its limiter has the rate of a share.
type bucket[K comparable] struct {
	key     K
	id      uint64
	share   *share
	limiter *rate.Limiter
	// requests are those since the last Demands, of a bucket that is among touched.
	requests int
}

// adapt gives the bucket another share of the limit.
func (b *bucket[K]) adapt(s *share, now time.Time) {
	if b.share == s {
		return
	}
	b.share = s
	b.limiter.SetLimitAt(now, rate.Limit(s.perSecond))
	b.limiter.SetBurstAt(now, s.burst)
}

// full reports whether the bucket is like one that was never used.
func (b *bucket[K]) full(now time.Time) bool {
	return b.limiter.TokensAt(now) >= float64(b.limiter.Burst())
}

// shard is a part of a table.
type shard[K comparable] struct {
	mu      sync.Mutex
	byKey   map[K]*bucket[K]
	buckets []*bucket[K]
	// hand is where the next examination begins.
	hand int
	// touched are buckets with requests since the last Demands, if counting.
	touched  []*bucket[K]
	counting bool
}

// touch counts a request, for Demands. The caller holds the lock.
func (s *shard[K]) touch(b *bucket[K]) {
	if !s.counting {
		return
	}
	if b.requests == 0 {
		s.touched = append(s.touched, b)
	}
	b.requests++
}

// add returns a new bucket. The caller holds the lock.
func (s *shard[K]) add(key K, id uint64, of *share, now time.Time) *bucket[K] {
	s.sweep(now)
	if len(s.buckets) >= perShard {
		s.evict(now)
	}
	b := &bucket[K]{key: key, id: id, share: of, limiter: rate.NewLimiter(rate.Limit(of.perSecond), of.burst)}
	if s.byKey == nil {
		s.byKey = map[K]*bucket[K]{}
	}
	s.byKey[key] = b
	s.buckets = append(s.buckets, b)
	return b
}

// sweep removes full buckets, of a few.
func (s *shard[K]) sweep(now time.Time) {
	for range min(swept, len(s.buckets)) {
		if i := s.next(); s.buckets[i].full(now) {
			s.remove(i)
		}
	}
}

// evict removes the fullest bucket, of a few.
func (s *shard[K]) evict(now time.Time) {
	fullest, most := 0, math.Inf(-1)
	for range candidates {
		i := s.next()
		if tokens := s.buckets[i].limiter.TokensAt(now); tokens > most {
			fullest, most = i, tokens
		}
	}
	s.remove(fullest)
}

// next moves the hand on.
func (s *shard[K]) next() int {
	s.hand = (s.hand + 1) % len(s.buckets)
	return s.hand
}

func (s *shard[K]) remove(i int) {
	last := len(s.buckets) - 1
	delete(s.byKey, s.buckets[i].key)
	s.buckets[i] = s.buckets[last]
	s.buckets[last] = nil
	s.buckets = s.buckets[:last]
}
