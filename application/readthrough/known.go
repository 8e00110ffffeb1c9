package readthrough

import "time"

// MaxNoted is how many places a generation notes.
const maxNoted = 16_384

// known is what a replica knows of versions, because it was told, wrote or loaded
// them: nothing lower may be kept or believed. It remembers two generations, each as
// long as a shared value lives at most, unless there is too much to note.
type known[K comparable] struct {
	recent, older generation[K]
	// number counts the generations.
	number int64
	// floor is a revision: of what was changed up to there, nothing is known any more.
	floor int64
	// doubts says that more than the floor tells was forgotten, at since by the
	// stopwatch: nothing shared is believed before the tail has been at the feed's end.
	doubts bool
	since  time.Duration
}

// generation is what was noted in a while.
type generation[K comparable] struct {
	opened   time.Duration
	versions map[K]int64
	// told is the last revision of which it notes something.
	told int64
}

func newGeneration[K comparable](now time.Duration) generation[K] {
	return generation[K]{opened: now, versions: map[K]int64{}}
}

// forget begins anew.
func (k *known[K]) forget(now time.Duration) {
	const both = 2
	k.recent, k.older = newGeneration[K](now), newGeneration[K](now)
	k.number += both
	k.doubts, k.since = true, now
}

// version returns the highest version that is known of a place; 0 for none.
func (k *known[K]) version(at K) int64 { return max(k.recent.versions[at], k.older.versions[at]) }

// note remembers a version of a place, and the revision that told of it, if one did.
func (k *known[K]) note(at K, version, revision int64) {
	k.recent.versions[at] = max(version, k.recent.versions[at])
	k.recent.told = max(revision, k.recent.told)
}

// turn opens a generation where the recent one is full or old. Confirmed is when the
// tail was last known to be at the feed's end.
func (k *known[K]) turn(now, confirmed, lifetime time.Duration) {
	if len(k.recent.versions) < maxNoted && now-k.recent.opened < lifetime {
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

// remembers reports whether everything that was noted since a generation is remembered.
func (k *known[K]) remembers(number int64) bool { return number >= k.number-1 }
