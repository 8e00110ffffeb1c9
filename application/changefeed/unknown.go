package changefeed

import (
	"maps"
	"slices"
	"sync"

	"github.com/signalbox-hq/signalbox/ports"
)

// unknownTypes counts changes by aggregate types that this version does not know. It is
// safe for concurrent use; the zero value is empty.
type unknownTypes struct {
	mu     sync.Mutex
	counts map[string]int64
}

// note counts the changes of unknown types among those that are passed.
func (u *unknownTypes) note(modules ports.Modules, changes []ports.Change) {
	for _, c := range changes {
		if _, known := modules.Of(c.AggregateType); !known {
			u.add(c.AggregateType)
		}
	}
}

func (u *unknownTypes) add(aggregateType string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		u.counts = map[string]int64{}
	}
	u.counts[aggregateType]++
}

// types returns the types in order, and the number of changes of all of them.
func (u *unknownTypes) types() (types []string, count int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range u.counts {
		count += n
	}
	return slices.Sorted(maps.Keys(u.counts)), count
}
