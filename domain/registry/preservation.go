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
	// MaxProtection is how long a service is protected at most. From then on those
	// who are held leave, as many as are allowed in each window.
	MaxProtection = 10 * time.Minute
	// ReturnsAtOnce bounds those who left and are brought back by one decision; the
	// next ones bring the others back.
	ReturnsAtOnce = 250
)

// Preservation decides, for one service in one environment, which of the
// instances whose leases have ended leave discovery: when more would leave than
// is likely, it is rather the registry or the network that is ill. It ends by
// itself. All moments are of the lease store. Use NewPreservation.
type Preservation struct {
	// peaks are the most that were alive in each of the last minutes, the newest
	// last.
	peaks []peak
	// left are those who left within the window, the oldest first.
	left []departure
	// held are those who have expired and stay listed, the oldest first.
	held []departure
	// returning are those of the held who left before, and are to be brought back.
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

// Preserved is what is known of an earlier preservation. The zero value is none.
type Preserved struct {
	// Since is when protection began; nil if it does not last.
	Since *Instant
	// Held are those who are held, Left those who left, each with the moment.
	Held, Left []Lease
}

// NewPreservation returns one that goes on from what is known.
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

// Decision is what becomes of instances whose leases have ended.
type Decision struct {
	// Leave are those who leave discovery now, Hold those who stay listed: leases
	// that have just ended, or did within the window before.
	Leave, Hold []LeaseKey
	// Release are those who were held and leave now.
	Release []LeaseKey
	// Protected is whether the service is protected from now on.
	Protected bool
}

// Protected reports whether the service is protected.
func (p *Preservation) Protected() bool { return p.protected }

// Idle reports whether nothing is under way: nobody is held, or left lately.
func (p *Preservation) Idle() bool { return !p.protected && len(p.held) == 0 && len(p.left) == 0 }

// Clone returns a copy that goes its own way.
func (p *Preservation) Clone() *Preservation {
	c := *p
	c.peaks, c.left, c.held = slices.Clone(p.peaks), slices.Clone(p.left), slices.Clone(p.held)
	c.returning = slices.Clone(p.returning)
	return &c
}

// Waiting returns those who are held, and those who left within the window.
func (p *Preservation) Waiting() []LeaseKey {
	var waiting []LeaseKey
	for _, d := range slices.Concat(p.held, p.left) {
		waiting = append(waiting, d.lease)
	}
	return waiting
}

// Observe takes in how many are alive now, those who are held among them, and how
// many deregistered by themselves since the last time.
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

// Gone takes in that instances are no longer what it decided of them: they were
// renewed, registered again or deregistered.
func (p *Preservation) Gone(leases ...LeaseKey) {
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

// protect holds those who leave and those who left within the window.
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

// releaseOldest lets the first of those who are held leave.
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
