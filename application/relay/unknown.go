package relay

import (
	"maps"
	"slices"
	"sync"

	"github.com/signalbox-hq/signalbox/ports"
)

// unknown are the changes of aggregate types that this version does not know. It is
// safe for concurrent use; the zero value has none.
type unknown struct {
	mu sync.Mutex
	// counts and last are how many there were and the last one's revision, by type.
	counts, last map[string]int64
}

// note takes in changes, each once.
func (u *unknown) note(changes []ports.Change) {
	for _, c := range changes {
		if !Known(c.AggregateType) {
			u.add(c)
		}
	}
}

func (u *unknown) add(c ports.Change) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		u.counts, u.last = map[string]int64{}, map[string]int64{}
	}
	u.counts[c.AggregateType]++
	u.last[c.AggregateType] = c.Revision
}

// types returns the types in order, and how many changes there were of all.
func (u *unknown) types() (types []string, count int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range u.counts {
		count += n
	}
	return slices.Sorted(maps.Keys(u.counts)), count
}

// unpublished reports whether there are changes that nobody has published.
func (u *unknown) unpublished(at ports.Delivered) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for t, revision := range u.last {
		if at.Of(t).Revision < revision {
			return true
		}
	}
	return false
}
