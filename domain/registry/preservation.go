package registry

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// How many instances may leave.
const (
	// AllowedShare of the most that were alive within BaselinePeriod may leave within
	// LeaveWindow, rounded up, and at least one.
	AllowedShare   = 0.15
	BaselinePeriod = 10 * time.Minute
	LeaveWindow    = time.Minute
	// MaxProtection bounds the protection of a service. After it held instances leave, as
	// many as are allowed in each window.
	MaxProtection = 10 * time.Minute
	// ReturnsAtOnce bounds the instances that one decision restores; the next decisions
	// restore the others.
	ReturnsAtOnce = 250
)

// Preservation decides, for one service in one environment, which instances with expired
// leases leave discovery: when more would leave than is likely, the registry or the
// network is the likelier cause (Eureka: self-preservation). It ends by itself. All times
// are of the lease store. Use NewPreservation.
type Preservation struct {
	// peaks are the most that were alive in each of the last minutes, the newest
	// last.
	peaks []peak
	// left are the instances that left within the window, the oldest first.
	left []departure
	// held are the expired instances that stay listed, the oldest first.
	held []departure
	// returning are the held instances that left before, and are to be restored.
	returning []LeaseKey
	// since is when protection began; protected whether it lasts.
	since     Instant
	protected bool
}

type peak struct {
	minute Instant
	alive  int
}

type departure struct {
	lease LeaseKey
	at    Instant
}

// Preserved is the stored state of an earlier preservation. The zero value is none.
type Preserved struct {
	// Since is when protection began; nil if it does not last.
	Since *Instant
	// Held are the held instances, Left those that left, each with the time.
	Held, Left []Lease
}

// NewPreservation returns one that continues from a stored state.
func NewPreservation(known Preserved) *Preservation {
	p := &Preservation{held: departures(known.Held), left: departures(known.Left)}
	if known.Since != nil {
		p.since, p.protected = *known.Since, true
	}
	return p
}

// departures returns leases by their moments, the oldest first.
func departures(leases []Lease) []departure {
	var list []departure
	for _, l := range leases {
		list = append(list, departure{lease: l.LeaseKey, at: l.Ends})
	}
	slices.SortStableFunc(list, func(a, b departure) int { return cmp.Compare(a.at, b.at) })
	return list
}

// Decision is the result for instances with expired leases.
type Decision struct {
	// Leave are the instances that leave discovery now, Hold those that stay listed:
	// leases that have just expired, or did within the window before.
	Leave, Hold []LeaseKey
	// Release are the held instances that leave now.
	Release []LeaseKey
	// Protected is whether the service is protected from now on.
	Protected bool
}

// Protected reports whether the service is protected.
func (p *Preservation) Protected() bool { return p.protected }

// Idle reports whether no instance is held, or left lately.
func (p *Preservation) Idle() bool { return !p.protected && len(p.held) == 0 && len(p.left) == 0 }

// Clone returns an independent copy.
func (p *Preservation) Clone() *Preservation {
	c := *p
	c.peaks, c.left, c.held = slices.Clone(p.peaks), slices.Clone(p.left), slices.Clone(p.held)
	c.returning = slices.Clone(p.returning)
	return &c
}

// Waiting returns the held instances, and those that left within the window.
func (p *Preservation) Waiting() []LeaseKey {
	var waiting []LeaseKey
	for _, d := range slices.Concat(p.held, p.left) {
		waiting = append(waiting, d.lease)
	}
	return waiting
}

// Observe sets how many instances are alive now, the held ones among them, and how many
// deregistered themselves since the last call.
func (p *Preservation) Observe(now Instant, alive, deregistered int) {
	for i := range p.peaks {
		p.peaks[i].alive = max(0, p.peaks[i].alive-deregistered)
	}
	minute := now - now%Instant(time.Minute.Microseconds())
	if n := len(p.peaks); n == 0 || p.peaks[n-1].minute != minute {
		p.peaks = append(p.peaks, peak{minute: minute})
	}
	last := &p.peaks[len(p.peaks)-1]
	last.alive = max(last.alive, alive)
	p.peaks = slices.DeleteFunc(p.peaks, func(k peak) bool {
		return now.Sub(k.minute) > BaselinePeriod || k.minute > now
	})
}

// Allowance returns how many may leave within a window.
func (p *Preservation) Allowance() int {
	most := 0
	for _, k := range p.peaks {
		most = max(most, k.alive)
	}
	return max(1, int(math.Ceil(AllowedShare*float64(most))))
}

// Forget removes instances to which its decision no longer applies: they were renewed,
// registered again or deregistered.
func (p *Preservation) Forget(leases ...LeaseKey) {
	gone := map[LeaseKey]bool{}
	for _, l := range leases {
		gone[l] = true
	}
	back := func(d departure) bool { return gone[d.lease] }
	p.held = slices.DeleteFunc(p.held, back)
	p.left = slices.DeleteFunc(p.left, back)
	p.returning = slices.DeleteFunc(p.returning, func(l LeaseKey) bool { return gone[l] })
}

// Decide decides about leases that have ended by now, the earliest first.
func (p *Preservation) Decide(now Instant, ended []LeaseKey) Decision {
	p.left = slices.DeleteFunc(p.left, func(d departure) bool {
		return now.Sub(d.at) >= LeaveWindow || d.at > now
	})
	allowance := p.Allowance()
	var d Decision
	switch {
	case p.protected && len(p.held)+len(ended) <= allowance:
		p.protected = false
		d.Release = p.releaseOldest(now, len(p.held))
		d.Leave = p.leave(now, ended)
	case p.protected && now.Sub(p.since) < MaxProtection:
		d.Hold = p.hold(now, ended)
	case p.protected || len(p.held) > 0:
		p.protected = false
		d.Hold = p.hold(now, ended)
		d.Release = p.releaseOldest(now, allowance-len(p.left))
	case len(p.left)+len(ended) <= allowance:
		d.Leave = p.leave(now, ended)
	default:
		d.Hold = p.protect(now, ended)
	}
	d.Protected = p.protected
	if !p.protected {
		p.returning = nil
	}
	n := min(len(p.returning), ReturnsAtOnce)
	d.Hold = slices.Concat(p.returning[:n], d.Hold)
	p.returning = p.returning[n:]
	return d
}

// protect holds the instances that leave and those that left within the window.
func (p *Preservation) protect(now Instant, ended []LeaseKey) []LeaseKey {
	p.protected, p.since = true, now
	p.returning = nil
	for _, d := range p.left {
		p.returning = append(p.returning, d.lease)
	}
	p.held = append(p.held, p.left...)
	p.left = nil
	return p.hold(now, ended)
}

func (p *Preservation) hold(now Instant, ended []LeaseKey) []LeaseKey {
	for _, l := range ended {
		p.held = append(p.held, departure{lease: l, at: now})
	}
	return ended
}

func (p *Preservation) leave(now Instant, leases []LeaseKey) []LeaseKey {
	for _, l := range leases {
		p.left = append(p.left, departure{lease: l, at: now})
	}
	return leases
}

// releaseOldest makes the oldest of the held instances leave.
func (p *Preservation) releaseOldest(now Instant, most int) []LeaseKey {
	n := min(len(p.held), max(0, most))
	released := make([]LeaseKey, n)
	for i, d := range p.held[:n] {
		released[i] = d.lease
	}
	p.held = slices.Clone(p.held[n:])
	p.leave(now, released)
	return released
}
