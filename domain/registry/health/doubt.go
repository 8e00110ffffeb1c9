package health

import "time"

// When a replica doubts itself.
const (
	// As many have to fail at the same time, in such a share of all.
	doubtLeast = 3
	doubtShare = 0.3
	// DoubtFor is for how long a place that passed before speaks for a fault of the
	// replica; from then on it is the place that fails.
	DoubtFor = 10 * time.Minute
	// DoubtFactor scales the timeouts of a replica in doubt.
	DoubtFactor = 2
)

// Doubt tells whether checks fail because of the replica that makes them: its own
// network or load. It counts places (see Place) and services: whatever addresses a
// service names, to others it is one witness. The zero value is ready. Moments are
// any that grow with time, and all of one source.
type Doubt struct {
	sightings map[sighted]sighting
	services  map[string]*tally
	// turned and good count in how many services a place is so.
	turned, good map[string]int
	// turnedServices and goodServices count the services by what tally.state says.
	turnedServices, goodServices int
	// swept is when what is no longer checked was last dropped.
	swept time.Duration
}

// sighted is a place that a service is checked at.
type sighted struct{ service, place string }

type sighting struct {
	passed bool
	// turned says that it passed before it failed, and since when it fails.
	turned bool
	since  time.Duration
	seen   time.Duration
}

// tally counts the places of a service that fail and passed before, and those that
// pass.
type tally struct{ turned, good int }

// suspicious reports whether so many of all have turned.
func suspicious(turned, good int) bool {
	return turned >= doubtLeast && float64(turned) >= doubtShare*float64(turned+good)
}

// turns reports whether a service is a witness for a fault of the replica.
func (t *tally) turns() bool {
	return t.turned > 0 && float64(t.turned) >= doubtShare*float64(t.turned+t.good)
}

// Add takes in the result of a check of a service at a place.
func (d *Doubt) Add(service, place string, passed bool, at time.Duration) {
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
		d.forget(at, MaxInterval+DoubtFor)
	}
}

func (d *Doubt) count(key sighted, s sighting, by int) {
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

func (d *Doubt) countService(t *tally, by int) {
	switch {
	case t.turns():
		d.turnedServices += by
	case t.good > 0:
		d.goodServices += by
	}
}

// Of reports whether failures of a service are not to be believed: at least three
// have begun to fail within DoubtFor, and 30 % of all. Counted are the places of
// the service itself, and each other service once, as far as those are at other
// places. What never passed says nothing about the replica.
func (d *Doubt) Of(service string, now time.Duration) bool {
	if !d.doubts(service) {
		return false
	}
	d.forget(now, DoubtFor)
	return d.doubts(service)
}

func (d *Doubt) doubts(service string) bool {
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

// Whole reports whether the replica is to leave its checks to others: at least
// three places and 30 % of all have begun to fail within DoubtFor, and those are
// of at least three services and 30 % of all, or of most services.
func (d *Doubt) Whole(now time.Duration) bool {
	if !d.doubtsWhole() {
		return false
	}
	d.forget(now, DoubtFor)
	return d.doubtsWhole()
}

func (d *Doubt) doubtsWhole() bool {
	return suspicious(len(d.turned), len(d.good)) &&
		(suspicious(d.turnedServices, d.goodServices) || d.turnedServices > d.goodServices)
}

// forget drops what was not checked for that long, or has failed for too long to be
// the replica's fault.
func (d *Doubt) forget(now, unseen time.Duration) {
	for key, s := range d.sightings {
		if now-s.seen > unseen || s.turned && now-s.since > DoubtFor {
			d.count(key, s, -1)
			delete(d.sightings, key)
		}
	}
}
