package health

import "time"

// Bounds of suspicion.
const (
	// As many have to fail at the same time, in such a share of all.
	leastWitnesses = 3
	witnessShare   = 0.3
	// SuspicionFor is how long a failing place that passed before counts as a fault of
	// the replica; after that the place itself counts as failing.
	SuspicionFor = 10 * time.Minute
	// SuspicionFactor scales the timeouts of a replica under suspicion.
	SuspicionFactor = 2
)

// Suspicion determines whether probes fail because of the replica that makes them: its
// own network or load (Lifeguard: local health). It counts places (see Place) and
// services: a service is one witness to others, whatever addresses it names. The zero
// value is ready. Times are monotonic and of one source.
type Suspicion struct {
	sightings map[sighted]sighting
	services  map[string]*tally
	// turned and good count the services in which a place is in that state.
	turned, good map[string]int
	// turnedServices and goodServices count the services by tally.state.
	turnedServices, goodServices int
	// swept is when places that are no longer checked were last removed.
	swept time.Duration
}

// sighted is a place where a service is checked.
type sighted struct{ service, place string }

type sighting struct {
	passed bool
	// turned reports that it passed before it failed, and since when it fails.
	turned bool
	since  time.Duration
	seen   time.Duration
}

// tally counts the places of a service that fail and passed before, and those that
// pass.
type tally struct{ turned, good int }

// suspicious reports whether so many of all have turned.
func suspicious(turned, good int) bool {
	return turned >= leastWitnesses && float64(turned) >= witnessShare*float64(turned+good)
}

// turns reports whether a service is a witness for a fault of the replica.
func (t *tally) turns() bool {
	return t.turned > 0 && float64(t.turned) >= witnessShare*float64(t.turned+t.good)
}

// Add adds the result of a check of a service at a place.
func (d *Suspicion) Add(service, place string, passed bool, at time.Duration) {
	if d.sightings == nil {
		d.sightings, d.services = map[sighted]sighting{}, map[string]*tally{}
		d.turned, d.good = map[string]int{}, map[string]int{}
	}
	key := sighted{service, place}
	before := d.sightings[key]
	next := sighting{passed: passed, seen: at, since: at}
	if !passed {
		next.turned = before.passed || before.turned
		if before.turned {
			next.since = before.since
		}
	}
	d.count(key, before, -1)
	d.sightings[key] = next
	d.count(key, next, +1)
	if at-d.swept > MaxInterval {
		d.swept = at
		d.forget(at, MaxInterval+SuspicionFor)
	}
}

func (d *Suspicion) count(key sighted, s sighting, by int) {
	if !s.passed && !s.turned {
		return
	}
	t := d.services[key.service]
	if t == nil {
		t = &tally{}
		d.services[key.service] = t
	}
	d.countService(t, -1)
	if s.passed {
		t.good += by
		add(d.good, key.place, by)
	} else {
		t.turned += by
		add(d.turned, key.place, by)
	}
	d.countService(t, +1)
	if *t == (tally{}) {
		delete(d.services, key.service)
	}
}

func (d *Suspicion) countService(t *tally, by int) {
	switch {
	case t.turns():
		d.turnedServices += by
	case t.good > 0:
		d.goodServices += by
	}
}

// Of reports whether failures of a service are attributed to the replica: at least three
// witnesses have begun to fail within SuspicionFor, and 30 % of all. The places of the
// service itself are counted, and each other service once, if it is at other places. A
// place that never passed is no witness.
func (d *Suspicion) Of(service string, now time.Duration) bool {
	if !d.suspects(service) {
		return false
	}
	d.forget(now, SuspicionFor)
	return d.suspects(service)
}

func (d *Suspicion) suspects(service string) bool {
	own := tally{}
	others, good := d.turnedServices, d.goodServices
	if t := d.services[service]; t != nil {
		own = *t
		if t.turns() {
			others--
		} else if t.good > 0 {
			good--
		}
	}
	// Services that share places are as many witnesses as they have places.
	others = min(others, len(d.turned)-own.turned)
	return suspicious(own.turned+others, own.good+good)
}

// Whole reports whether the replica is to leave its checks to others: at least three
// places and 30 % of all have begun to fail within SuspicionFor, and those are of at
// least three services and 30 % of all, or of most services.
func (d *Suspicion) Whole(now time.Duration) bool {
	if !d.suspectsWhole() {
		return false
	}
	d.forget(now, SuspicionFor)
	return d.suspectsWhole()
}

func (d *Suspicion) suspectsWhole() bool {
	return suspicious(len(d.turned), len(d.good)) &&
		(suspicious(d.turnedServices, d.goodServices) || d.turnedServices > d.goodServices)
}

// forget removes places that were not checked for that long, or have failed for too long
// to be the replica's fault.
func (d *Suspicion) forget(now, unseen time.Duration) {
	for key, s := range d.sightings {
		if now-s.seen > unseen || s.turned && now-s.since > SuspicionFor {
			d.count(key, s, -1)
			delete(d.sightings, key)
		}
	}
}
