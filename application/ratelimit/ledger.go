package ratelimit

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

const (
	// FallBack is how long after the last exchange a replica falls back to equal shares.
	FallBack = 600 * time.Millisecond
	// A peer that has not exchanged for doubtful may fall back to an equal share at any
	// time, and has done so after gone.
	doubtful = FallBack / 2
	gone     = FallBack + FallBack/2
	// Claims of a replica that has not exchanged for buried are deleted.
	buried = time.Minute
	// Smoothing is the weight of the last interval in a demand.
	smoothing = 0.3
	// A limit is contested from the time that a replica demands pressed of its equal part,
	// until none demands relaxed of it.
	pressed, relaxed = 0.8, 0.5
	// Bounds the limits that are measured, and of which there are claims.
	maxMeasured, maxClaims = 10_000, 1_000
)

// Ledger has what one replica may use of limits, and what its peers claim. It is not safe
// for concurrent use.
//
// A replica lowers its share before it publishes a lower claim, and raises it up to its claim
// only by what the others, as read after the publication, do not claim. So the shares of
// replicas that know of each other never exceed the whole, in whatever order they exchange.
type Ledger struct {
	replicas int
	sequence uint64
	own      map[uint64]*entry
	peers    map[string]*peer
}

// entry is a limit at this replica.
type entry struct {
	demand float64
	// pressed says that this replica needs more than it would have; contested, that a replica
	// does.
	pressed, contested bool
	// share is in force, claim is published.
	share, claim uint32
}

// peer is another replica.
type peer struct {
	sequence uint64
	// seen is when its sequence last grew.
	seen   time.Duration
	claims map[uint64]ports.LimitClaim
}

// NewLedger returns the ledger of a replica that knows no other.
func NewLedger() *Ledger {
	return &Ledger{replicas: 1, own: map[uint64]*entry{}, peers: map[string]*peer{}}
}

// Begin begins an exchange: it measures demands since the last one, as fractions of the
// limits, lowers shares, and returns the claims to publish. Replicas is the number of those
// that are known to serve. At is by a stopwatch.
func (l *Ledger) Begin(replicas int, demands map[uint64]float64, at time.Duration) ports.PublishedClaims {
	l.replicas = max(replicas, l.Peers(at)+1)
	l.measure(demands)
	l.join(at)
	for id, e := range l.own {
		e.claim = l.wanted(id, e, at)
		e.share = min(e.share, e.claim)
		if !e.contested && e.share == Equal(l.replicas) && e.demand < relaxed/float64(l.replicas) {
			delete(l.own, id)
		}
	}
	l.sequence++
	return ports.PublishedClaims{Sequence: l.sequence, Claims: l.claims()}
}

// Settle ends an exchange with the claims of the others: shares rise by what is left.
func (l *Ledger) Settle(others map[string]ports.PublishedClaims, at time.Duration) {
	for name, published := range others {
		l.learn(name, published, at)
	}
	for name := range l.peers {
		if _, there := others[name]; !there {
			delete(l.peers, name) // it has withdrawn
		}
	}
	l.replicas = max(l.replicas, l.Peers(at)+1)
	for id, e := range l.own {
		claimed := l.missing(at) * Equal(l.replicas)
		for _, p := range l.peers {
			if !p.gone(at) {
				claimed += l.claimOf(p, id, at)
			}
		}
		if free := ports.LimitWhole - min(claimed, ports.LimitWhole); free > e.share {
			e.share = min(e.claim, free)
		}
	}
}

// Shares returns the fractions of the limits that this replica enforces, by id. Of all
// others it enforces an equal part.
func (l *Ledger) Shares() map[uint64]float64 {
	shares := make(map[uint64]float64, len(l.own))
	for id, e := range l.own {
		if e.contested || e.share != Equal(l.replicas) {
			shares[id] = Fraction(e.share, l.replicas)
		}
	}
	return shares
}

// Peers returns how many others have exchanged lately.
func (l *Ledger) Peers(at time.Duration) int {
	n := 0
	for _, p := range l.peers {
		if !p.gone(at) {
			n++
		}
	}
	return n
}

// Dead returns the replicas that have not exchanged for buried.
func (l *Ledger) Dead(at time.Duration) []string {
	var names []string
	for name, p := range l.peers {
		if at-p.seen >= buried {
			names = append(names, name)
		}
	}
	return names
}

// gone reports whether the peer has stopped, or has fallen back to equal shares.
func (p *peer) gone(at time.Duration) bool { return at-p.seen > gone }

// doubtful reports whether the peer may have fallen back.
func (p *peer) doubtful(at time.Duration) bool { return at-p.seen >= doubtful }

// learn takes the claims of a peer, unless they are older than those that are known. One that
// is met first may have died before: it is doubtful until it exchanges again.
func (l *Ledger) learn(name string, published ports.PublishedClaims, at time.Duration) {
	p := l.peers[name]
	switch {
	case p == nil:
		p = &peer{seen: at - doubtful}
		l.peers[name] = p
	case published.Sequence <= p.sequence:
		return
	default:
		p.seen = at
	}
	p.sequence, p.claims = published.Sequence, make(map[uint64]ports.LimitClaim, len(published.Claims))
	for _, c := range published.Claims {
		p.claims[c.ID] = c
	}
}

// measure smooths the demands.
func (l *Ledger) measure(demands map[uint64]float64) {
	for id := range demands {
		if len(l.own) < maxMeasured {
			l.entry(id)
		}
	}
	for id, e := range l.own {
		e.demand += smoothing * (demands[id] - e.demand)
		part := e.demand * float64(l.replicas)
		e.pressed = part >= pressed || e.pressed && part >= relaxed
	}
}

// join finds the contested limits.
func (l *Ledger) join(at time.Duration) {
	for _, e := range l.own {
		e.contested = e.pressed
	}
	least := millionths(relaxed / float64(l.replicas))
	for _, p := range l.peers {
		if p.gone(at) {
			continue
		}
		for id, c := range p.claims {
			if c.Demand >= least {
				l.entry(id).contested = true
			}
		}
	}
}

// entry returns the entry of a limit, a new one if there is none.
func (l *Ledger) entry(id uint64) *entry {
	e := l.own[id]
	if e == nil {
		e = &entry{share: Equal(l.replicas)}
		l.own[id] = e
	}
	return e
}

// wanted returns the share of a limit that this replica should have, by the demands of all.
func (l *Ledger) wanted(id uint64, e *entry, at time.Duration) uint32 {
	if !e.contested {
		return Equal(l.replicas)
	}
	demands, whole := []uint32{millionths(e.demand)}, uint32(ports.LimitWhole)
	for _, p := range l.peers {
		switch {
		case p.gone(at):
		case p.doubtful(at):
			whole -= min(whole, l.claimOf(p, id, at))
		default:
			demands = append(demands, p.claims[id].Demand)
		}
	}
	whole -= min(whole, l.missing(at)*Equal(l.replicas))
	return Divide(whole, demands)[0]
}

// claims returns the contested limits, at most maxClaims, those of the largest demand.
func (l *Ledger) claims() []ports.LimitClaim {
	var claims []ports.LimitClaim
	for id, e := range l.own {
		if e.contested {
			claims = append(claims, ports.LimitClaim{ID: id, Share: e.claim, Demand: millionths(e.demand)})
		}
	}
	if len(claims) <= maxClaims {
		return claims
	}
	slices.SortFunc(claims, func(a, b ports.LimitClaim) int {
		return cmp.Or(cmp.Compare(b.Demand, a.Demand), cmp.Compare(a.ID, b.ID))
	})
	for _, c := range claims[maxClaims:] {
		e := l.own[c.ID]
		e.claim = min(e.claim, Equal(l.replicas))
		e.share = min(e.share, e.claim)
	}
	return claims[:maxClaims]
}

// claimOf returns what a peer may use of a limit.
func (l *Ledger) claimOf(p *peer, id uint64, at time.Duration) uint32 {
	c, published := p.claims[id]
	switch {
	case !published:
		return Equal(l.replicas)
	case p.doubtful(at):
		return max(c.Share, Equal(l.replicas))
	}
	return c.Share
}

// missing returns how many replicas serve that have published nothing.
func (l *Ledger) missing(at time.Duration) uint32 {
	return uint32(max(l.replicas-1-l.Peers(at), 0)) //nolint:gosec // a number of replicas
}
