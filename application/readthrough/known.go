package readthrough

import (
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// MaxNoted is how many places a generation notes.
const maxNoted = 16_384

// known is what a replica knows of versions, because it was told, wrote or loaded
// them: nothing lower may be kept or believed. It remembers two generations, each as
// long as a shared value lives at most, unless there is too much to note.
type known[K comparable] struct {
	recent, older generation[K]
	// number counts the generations, doubted the doubts.
	number, doubted int64
	// floor is a revision: of what was changed up to there, nothing is known any more.
	floor int64
	// doubts says that more than the floor tells was forgotten, at since by the
	// stopwatch: nothing shared is believed before the tail has been at the feed's end.
	doubts bool
	since  time.Duration
}

// generation is what was noted in a while.
type generation[K comparable] struct {
	opened time.Duration
	marks  map[K]mark
	// told is the last revision of which it notes something.
	told int64
}

// mark is what is known of a place.
type mark struct {
	// version is the highest one, event the id of the event that made it, or "".
	version int64
	event   string
	// revision is the one that told of the version; 0 where the feed has not.
	revision int64
	// least is from which revision on shared values may be believed, and doubt the
	// number of the last doubt, where there was one.
	least, doubt int64
}

// moment is when the store was asked.
type moment struct{ generation, doubted int64 }

func newGeneration[K comparable](now time.Duration) generation[K] {
	return generation[K]{opened: now, marks: map[K]mark{}}
}

// forget begins anew.
func (k *known[K]) forget(now time.Duration) {
	const both = 2
	k.recent, k.older = newGeneration[K](now), newGeneration[K](now)
	k.number += both
	k.doubts, k.since = true, now
}

// at returns what is known of a place; the recent generation has all that the older
// one has of its places.
func (k *known[K]) at(at K) mark {
	if m, noted := k.recent.marks[at]; noted {
		return m
	}
	return k.older.marks[at]
}

// contradicts reports whether a version of a place is not what stands: it is lower than
// one that is known, or another event made it.
func (k *known[K]) contradicts(at K, m mark) bool {
	stands := k.at(at)
	return m.version < stands.version || m.version == stands.version && scope.Differ(m.event, stands.event)
}

// note remembers a version of a place. Of two events of one version it is the one that
// the feed tells of.
func (k *known[K]) note(at K, m mark) {
	next := k.at(at)
	switch {
	case m.version > next.version:
		next.version, next.event = m.version, m.event
	case m.version == next.version && m.event != "" && (m.revision > 0 || next.event == ""):
		next.event = m.event
	}
	k.recent.marks[at] = next
	k.recent.told = max(m.revision, k.recent.told)
}

// doubt remembers that nothing that was asked or shared before is to be relied upon.
func (k *known[K]) doubt(at K, least int64) {
	k.doubted++
	next := k.at(at)
	next.least, next.doubt = max(least, next.least), k.doubted
	k.recent.marks[at] = next
	k.recent.told = max(least, k.recent.told)
}

// turn opens a generation where the recent one is full or old. Confirmed is when the
// tail was last known to be at the feed's end.
func (k *known[K]) turn(now, confirmed, lifetime time.Duration) {
	if len(k.recent.marks) < maxNoted && now-k.recent.opened < lifetime {
		return
	}
	// What was loaded or written is safe to forget when the tail has told of it since.
	if confirmed < k.recent.opened {
		k.doubts, k.since = true, now
	}
	k.floor = max(k.floor, k.older.told)
	k.older, k.recent = k.recent, newGeneration[K](now)
	k.number++
}

// now returns the present moment.
func (k *known[K]) now() moment { return moment{generation: k.number, doubted: k.doubted} }

// remembers reports whether everything that was noted since a moment is remembered, and
// the place was not doubted since.
func (k *known[K]) remembers(at K, asked moment) bool {
	return asked.generation >= k.number-1 && k.at(at).doubt <= asked.doubted
}
