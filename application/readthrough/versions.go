package readthrough

import (
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// maxRecords is how many keys a generation records.
const maxRecords = 16_384

// versions is the highest version of each key that a replica has saved, loaded or heard
// of: older ones are rejected as stale. It spans two generations, each as long as the
// longest lifetime of a shared value, or shorter where there are too many keys.
type versions[K comparable] struct {
	recent, older generation[K]
	// number counts the generations, invalidations the calls of invalidate.
	number, invalidations int64
	// floor is a revision: of changes up to it, records may be missing.
	floor int64
	// incomplete says that records of later changes may be missing, too, since a time of
	// the stopwatch: shared values are rejected until the replica has been at the feed's
	// end.
	incomplete bool
	since      time.Duration
}

// generation is what was recorded in one period.
type generation[K comparable] struct {
	opened  time.Duration
	records map[K]record
	// revision is the last one that it has a record of.
	revision int64
}

// record is what is known of a key.
type record struct {
	// version is the highest one, event the id of the event that made it, or "".
	version int64
	event   string
	// revision is the one at which the feed had the version; 0 where it has not yet.
	revision int64
	// minRevision is the revision from which on shared values are accepted, invalidation
	// the number of the key's last invalidation.
	minRevision, invalidation int64
}

// loadStart is when a load began.
type loadStart struct{ generation, invalidations int64 }

func newGeneration[K comparable](now time.Duration) generation[K] {
	return generation[K]{opened: now, records: map[K]record{}}
}

// reset discards all records.
func (v *versions[K]) reset(now time.Duration) {
	const both = 2
	v.recent, v.older = newGeneration[K](now), newGeneration[K](now)
	v.number += both
	v.incomplete, v.since = true, now
}

// of returns the record of a key. The recent generation has all that the older one has
// of its keys.
func (v *versions[K]) of(key K) record {
	if r, found := v.recent.records[key]; found {
		return r
	}
	return v.older.records[key]
}

// rejects reports whether a version of a key is stale: it is lower than the highest
// known one, or another event made it.
func (v *versions[K]) rejects(key K, r record) bool {
	known := v.of(key)
	return r.version < known.version || r.version == known.version && scope.Differ(r.event, known.event)
}

// add records a version of a key. Of two events of one version the feed's is recorded.
func (v *versions[K]) add(key K, r record) {
	next := v.of(key)
	switch {
	case r.version > next.version:
		next.version, next.event = r.version, r.event
	case r.version == next.version && r.event != "" && (r.revision > 0 || next.event == ""):
		next.event = r.event
	}
	v.recent.records[key] = next
	v.recent.revision = max(r.revision, v.recent.revision)
}

// invalidate rejects what was loaded or shared of a key before, except values shared at
// minRevision or later.
func (v *versions[K]) invalidate(key K, minRevision int64) {
	v.invalidations++
	next := v.of(key)
	next.minRevision, next.invalidation = max(minRevision, next.minRevision), v.invalidations
	v.recent.records[key] = next
	v.recent.revision = max(minRevision, v.recent.revision)
}

// rotate opens a generation where the recent one is full or old. Confirmed is when the
// replica was last known to be at the feed's end.
func (v *versions[K]) rotate(now, confirmed, lifetime time.Duration) {
	if len(v.recent.records) < maxRecords && now-v.recent.opened < lifetime {
		return
	}
	// Loaded and saved versions are safe to discard once the feed has had them.
	if confirmed < v.recent.opened {
		v.incomplete, v.since = true, now
	}
	v.floor = max(v.floor, v.older.revision)
	v.older, v.recent = v.recent, newGeneration[K](now)
	v.number++
}

// start returns the start of a load that begins now.
func (v *versions[K]) start() loadStart {
	return loadStart{generation: v.number, invalidations: v.invalidations}
}

// covers reports whether all records since a load's start are there, and the key was
// not invalidated since.
func (v *versions[K]) covers(key K, s loadStart) bool {
	return s.generation >= v.number-1 && v.of(key).invalidation <= s.invalidations
}
