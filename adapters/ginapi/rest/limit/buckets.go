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
// replica enforces an equal share of the limit. They are safe for concurrent use.
//
// Memory is bounded: a bucket that is full is like none, and is removed; a table of
// MaxBuckets evicts one of the fullest, so that a flood of new keys evicts each other
// rather than the buckets of noisy ones.
type Buckets[K comparable] struct {
	name     string
	rate     Rate
	replicas func() int
	share    atomic.Pointer[share]
	seed     maphash.Seed
	shards   [shards]shard[K]
}

// share is the part of a limit that this replica enforces.
type share struct {
	replicas  int
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
	s := b.current()
	part := &b.shards[maphash.Comparable(b.seed, key)%shards]
	part.mu.Lock()
	bucket := part.bucket(key, s, now)
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

// current returns the share of this replica. A burst is at least one request: without, none
// would be accepted.
func (b *Buckets[K]) current() *share {
	n := max(b.replicas(), 1)
	if s := b.share.Load(); s != nil && s.replicas == n {
		return s
	}
	s := &share{replicas: n, perSecond: b.rate.PerSecond / float64(n), burst: max(b.rate.Burst/n, 1)}
	s.policy = strconv.Quote(b.name) + ";q=" + strconv.Itoa(s.burst) +
		";w=" + strconv.FormatInt(seconds(float64(s.burst)/s.perSecond), 10)
	b.share.Store(s)
	return s
}

// seconds rounds up to whole seconds, at least one.
func seconds(s float64) int64 { return max(int64(math.Ceil(s-1e-9)), 1) }

// bucket is the bucket of a key. Its limiter has the rate of a share.
type bucket[K comparable] struct {
	key     K
	share   *share
	limiter *rate.Limiter
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
}

// bucket returns the bucket of a key, a new one if there is none. The caller holds the lock.
func (s *shard[K]) bucket(key K, of *share, now time.Time) *bucket[K] {
	if b := s.byKey[key]; b != nil {
		b.adapt(of, now)
		return b
	}
	s.sweep(now)
	if len(s.buckets) >= perShard {
		s.evict(now)
	}
	b := &bucket[K]{key: key, share: of, limiter: rate.NewLimiter(rate.Limit(of.perSecond), of.burst)}
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
