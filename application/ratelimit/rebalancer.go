package ratelimit

import (
	"context"
	"maps"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// Interval is how often Step is to be called.
const Interval = 100 * time.Millisecond

// Table has the buckets of a kind of limit. It is safe for concurrent use.
type Table interface {
	// Demands adds the requests of limits that are nearly used up, or have a share of their
	// own, since the last call, which was that long ago, as fractions of the limits.
	Demands(since time.Duration, demands map[uint64]float64)
	// SetShares replaces the fractions of limits that are enforced; of limits that are not
	// among them it is an equal part. The map is not changed afterwards.
	SetShares(fractions map[uint64]float64)
}

// Dependencies is what a Rebalancer needs.
type Dependencies struct {
	// Replica identifies this process.
	Replica   string
	Tables    []Table
	Claims    ports.LimitClaims
	Stopwatch ports.Stopwatch
	// Serving returns how many replicas serve, this one included.
	Serving func() int
}

// Rebalancer divides the limits of tables among replicas. Its methods are called by one
// caller at a time.
type Rebalancer struct {
	deps   Dependencies
	ledger *Ledger
	// measured and settled are when demands were last measured and an exchange last
	// succeeded.
	measured, settled time.Duration
	shares            map[uint64]float64
}

// New returns a rebalancer; limits are divided equally until its first steps.
func New(d Dependencies) *Rebalancer {
	now := d.Stopwatch.Elapsed()
	return &Rebalancer{deps: d, ledger: NewLedger(), measured: now, settled: now}
}

// Step makes one exchange with the other replicas. Where exchanges have failed for FallBack,
// limits are divided equally, and the failure is returned. A replica that serves alone makes
// no exchange.
func (r *Rebalancer) Step(ctx context.Context) error {
	demands, serving := r.measure(), r.deps.Serving()
	if serving == 1 && r.ledger.Peers(r.measured) == 0 {
		r.settled = r.measured
		r.reset()
		return nil
	}
	claims := r.ledger.Begin(serving, demands, r.measured)
	r.apply()
	others, err := r.deps.Claims.Exchange(ctx, r.deps.Replica, claims)
	at := r.deps.Stopwatch.Elapsed()
	if err != nil {
		return r.failed(err, at)
	}
	r.settled = at
	r.ledger.Settle(others, at)
	r.apply()
	for _, dead := range r.ledger.Dead(at) {
		_ = r.deps.Claims.Withdraw(ctx, dead) // else by a later step
	}
	return nil
}

// Leave withdraws the claims of this replica, which enforces an equal part again.
func (r *Rebalancer) Leave(ctx context.Context) error {
	r.reset()
	return r.deps.Claims.Withdraw(ctx, r.deps.Replica)
}

// measure returns the demands since the last call.
func (r *Rebalancer) measure() map[uint64]float64 {
	now := r.deps.Stopwatch.Elapsed()
	demands := map[uint64]float64{}
	for _, table := range r.deps.Tables {
		table.Demands(max(now-r.measured, time.Millisecond), demands)
	}
	r.measured = now
	return demands
}

// failed falls back to equal shares, once the others cannot rely on the claims any more.
func (r *Rebalancer) failed(err error, at time.Duration) error {
	if at-r.settled < FallBack {
		return nil
	}
	r.reset()
	return err
}

func (r *Rebalancer) reset() {
	sequence := r.ledger.sequence
	r.ledger = NewLedger()
	r.ledger.sequence = sequence
	r.apply()
}

// apply has the tables enforce the shares of the ledger.
func (r *Rebalancer) apply() {
	shares := r.ledger.Shares()
	if maps.Equal(shares, r.shares) {
		return
	}
	r.shares = shares
	for _, table := range r.deps.Tables {
		table.SetShares(shares)
	}
}
