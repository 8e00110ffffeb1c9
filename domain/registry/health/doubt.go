package health

import "time"

// When a replica doubts itself.
const (
	// As many hosts have to fail at the same time, in such a share of all.
	doubtHosts = 3
	doubtShare = 0.3
	// DoubtFor is for how long a host that passed before speaks for a fault of the
	// replica; from then on it is the host that fails.
	DoubtFor = 10 * time.Minute
	// DoubtFactor scales the timeouts of a replica in doubt.
	DoubtFactor = 2
)

// Doubt tells whether checks fail because of the replica that makes them: its own
// network or load. The zero value is ready. Moments are any that grow with time,
// and all of one source.
type Doubt struct {
	hosts map[string]sighting
	// turned counts the hosts that fail and passed before, good those that pass.
	turned, good int
}

type sighting struct {
	passed bool
	// turned says that it passed before it failed, and since when it fails.
	turned bool
	since  time.Duration
	seen   time.Duration
}

// Add takes in the result of a check of a host.
func (d *Doubt) Add(host string, passed bool, at time.Duration) {
	if d.hosts == nil {
		d.hosts = map[string]sighting{}
	}
	before := d.hosts[host]
	d.count(before, -1)
	next := sighting{passed: passed, seen: at, since: at}
	if !passed {
		next.turned = before.passed || before.turned
		if before.turned {
			next.since = before.since
		}
	}
	d.hosts[host] = next
	d.count(next, +1)
}

func (d *Doubt) count(s sighting, sign int) {
	switch {
	case s.passed:
		d.good += sign
	case s.turned:
		d.turned += sign
	}
}

// Doubtful reports whether at least three hosts, and 30 % of all, have begun to
// fail within DoubtFor. Hosts that never passed say nothing about the replica.
func (d *Doubt) Doubtful(now time.Duration) bool {
	if !d.suspicious() {
		return false
	}
	for host, s := range d.hosts {
		old := s.turned && now-s.since > DoubtFor
		if gone := now-s.seen > DoubtFor; gone || old {
			d.count(s, -1)
			delete(d.hosts, host)
		}
	}
	return d.suspicious()
}

func (d *Doubt) suspicious() bool {
	return d.turned >= doubtHosts && float64(d.turned) >= doubtShare*float64(d.turned+d.good)
}
