package ratelimit_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/application/ratelimit"
	"github.com/signalbox-hq/signalbox/ports"
)

const id = 7

// board is where replicas publish claims.
type board map[int]ports.PublishedClaims

// replica is one of a simulation. Its exchange has three steps, between which others have
// theirs.
type replica struct {
	number  int
	ledger  *ratelimit.Ledger
	demand  float64
	pending ports.PublishedClaims
	read    map[string]ports.PublishedClaims
	step    int
}

// advance makes the next step of the exchange, at a time.
func (r *replica) advance(b board, replicas int, at time.Duration) {
	switch r.step {
	case 0:
		r.pending = r.ledger.Begin(replicas, map[uint64]float64{id: r.demand}, at)
	case 1:
		b[r.number] = r.pending
	case 2:
		r.read = map[string]ports.PublishedClaims{}
		for number, claims := range b {
			if number != r.number {
				r.read[string(rune('a'+number))] = claims
			}
		}
	default:
		r.ledger.Settle(r.read, at)
	}
	r.step = (r.step + 1) % 4
}

// fail ends the exchange without a result: it is unknown whether it was published.
func (r *replica) fail() { r.step = 0 }

// exchange makes one complete exchange.
func (r *replica) exchange(b board, replicas int, at time.Duration) {
	for range 4 {
		r.advance(b, replicas, at)
	}
}

// fraction is what the replica enforces.
func (r *replica) fraction(replicas int) float64 {
	if f, set := r.ledger.Shares()[id]; set {
		return f
	}
	return ratelimit.Fraction(ratelimit.Equal(replicas), replicas)
}

func simulated(n int) []*replica {
	list := make([]*replica, n)
	for i := range list {
		list[i] = &replica{number: i, ledger: ratelimit.NewLedger()}
	}
	return list
}

func sum(list []*replica) (total float64) {
	for _, r := range list {
		total += r.fraction(len(list))
	}
	return total
}

// TestSharesProperties has replicas exchange in any order, with any demands, and lose
// exchanges: after each step the shares are no more than the limit, and none is less than
// its part of the reserve.
func TestSharesProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(t, "replicas")
		list, b := simulated(n), board{}
		least := float64(ratelimit.Reserve) / ports.LimitWhole / float64(n)
		at := time.Second
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			at += time.Duration(rapid.IntRange(0, 25).Draw(t, "ms")) * time.Millisecond
			r := list[rapid.IntRange(0, n-1).Draw(t, "replica")]
			switch rapid.IntRange(0, 20).Draw(t, "event") {
			case 0:
				r.fail()
			case 1, 2:
				r.demand = rapid.SampledFrom([]float64{0, 0.1, 0.3, 0.5, 1, 3, 100}).Draw(t, "demand")
			default:
				r.advance(b, n, at)
			}
			if total := sum(list); total > 1+1e-9 {
				t.Fatalf("the shares are %v of the limit", total)
			}
			for _, r := range list {
				if f := r.fraction(n); f < least-1e-9 {
					t.Fatalf("a share is %v, less than %v", f, least)
				}
			}
		}
	})
}

// TestSharesConverge has replicas exchange with constant demands: shares follow them within
// half a second or so after they are measured.
func TestSharesConverge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(t, "replicas")
		list, b := simulated(n), board{}
		var demanded float64
		for _, r := range list {
			r.demand = float64(rapid.IntRange(0, 40).Draw(t, "demand")) / 10
			demanded += r.demand
		}
		list[0].demand++ // one is pressed
		demanded++
		at := time.Second
		for range 30 {
			at += ratelimit.Interval
			for _, r := range list {
				r.exchange(b, n, at)
			}
		}
		if total := sum(list); total < 1-1e-3 {
			t.Fatalf("the shares are %v of the limit", total)
		}
		for _, r := range list {
			const divided = 1 - float64(ratelimit.Reserve)/ports.LimitWhole
			want := (1-divided)/float64(n) + divided*r.demand/demanded
			if got := r.fraction(n); got < want-1e-3 || got > want+1e-3 {
				t.Fatalf("demand %v of %v has the share %v, not %v", r.demand, demanded, got, want)
			}
		}
	})
}

func TestDivide(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		demands := rapid.SliceOfN(rapid.Uint32(), 1, 20).Draw(t, "demands")
		whole := rapid.Uint32Range(0, ports.LimitWhole).Draw(t, "whole")
		var total uint64
		shares := ratelimit.Divide(whole, demands)
		for i, s := range shares {
			total += uint64(s)
			for j, other := range shares {
				if demands[i] >= demands[j] && s < other {
					t.Fatalf("demand %d has %d, and %d has %d", demands[i], s, demands[j], other)
				}
			}
		}
		if total > uint64(whole) || total+uint64(len(demands)) < uint64(whole) {
			t.Fatalf("%d of %d is divided", total, whole)
		}
	})
}

// pair returns two replicas after so many rounds with demands.
func pair(rounds int, demands ...float64) (list []*replica, b board, at time.Duration) {
	list, b, at = simulated(2), board{}, time.Second
	for i, d := range demands {
		list[i].demand = d
	}
	rally(list, b, &at, rounds)
	return list, b, at
}

func rally(list []*replica, b board, at *time.Duration, rounds int) {
	for range rounds {
		*at += ratelimit.Interval
		for _, r := range list {
			r.exchange(b, 2, *at)
		}
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()

	t.Run("a replica that has all the demand has nearly all of the limit after five exchanges", func(t *testing.T) {
		t.Parallel()
		list, _, _ := pair(5, 3, 0)
		assert.InDelta(t, 0.95, list[0].fraction(2), 0.001)
		assert.InDelta(t, 0.05, list[1].fraction(2), 0.001)
	})
	t.Run("when its demand ends, the limit is divided equally, and nothing is claimed", func(t *testing.T) {
		t.Parallel()
		list, b, at := pair(5, 3, 0)
		list[0].demand = 0
		rally(list, b, &at, 15)
		for _, r := range list {
			assert.InDelta(t, 0.5, r.fraction(2), 1e-9)
			assert.Empty(t, b[r.number].Claims)
			assert.Empty(t, r.ledger.Shares())
		}
	})
	t.Run("when the demand moves, the limit follows", func(t *testing.T) {
		t.Parallel()
		list, b, at := pair(5, 3, 0)
		list[0].demand, list[1].demand = 0, 3
		rally(list, b, &at, 20)
		assert.InDelta(t, 0.95, list[1].fraction(2), 0.01)
	})
	t.Run("demands within equal parts change nothing", func(t *testing.T) {
		t.Parallel()
		list, b, _ := pair(10, 0.39, 0.1)
		assert.Empty(t, list[0].ledger.Shares())
		assert.Empty(t, b[0].Claims)
	})
	t.Run("a replica that died has its equal part, and none when it no longer serves", func(t *testing.T) {
		t.Parallel()
		list, b, at := pair(5, 3, 0)
		alive := list[0]
		for range 5 {
			at += ratelimit.Interval
			alive.exchange(b, 2, at)
		}
		assert.InDelta(t, 0.5, alive.fraction(2), 0.001, "it may have fallen back to an equal part")
		for range 10 {
			at += ratelimit.Interval
			alive.exchange(b, 1, at)
		}
		assert.Zero(t, alive.ledger.Peers(at))
		assert.InDelta(t, 1, alive.fraction(1), 0.001)
		assert.Empty(t, alive.ledger.Dead(at))
		assert.Equal(t, []string{"b"}, alive.ledger.Dead(at+time.Minute))
	})
	t.Run("claims that are older than known ones are ignored", func(t *testing.T) {
		t.Parallel()
		list, b, at := pair(5, 3, 3)
		before := maps.Clone(b)
		rally(list, b, &at, 1)
		b[1] = before[1]
		list[0].exchange(b, 2, at)
		require.Equal(t, 1, list[0].ledger.Peers(at))
		assert.InDelta(t, 0.5, list[0].fraction(2), 0.001)
	})
	t.Run("of very many contested limits the largest demands are claimed", func(t *testing.T) {
		t.Parallel()
		l, demands := ratelimit.NewLedger(), map[uint64]float64{}
		for n := range uint64(20_000) {
			demands[n] = 3
		}
		for n := range uint64(1000) {
			demands[n] = 9
		}
		claims := l.Begin(2, demands, time.Second)
		assert.LessOrEqual(t, len(l.Shares()), 10_000)
		assert.Len(t, claims.Claims, 1000)
		for _, f := range l.Shares() {
			assert.LessOrEqual(t, f, 0.5)
		}
	})
}

// claimsOf returns no claims of an exchange.
func claimsOf(sequence uint64) ports.PublishedClaims {
	return ports.PublishedClaims{Sequence: sequence}
}
