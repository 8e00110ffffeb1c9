package relay

import (
	"sync"

	"github.com/signalbox-hq/signalbox/ports"
)

// unclaimed has the last revision of each aggregate type that this version does not
// know and leaves to a newer one. It is safe for concurrent use; the zero value is empty.
type unclaimed struct {
	mu   sync.Mutex
	last map[string]int64
}

// note takes in the changes of unknown types among those that are passed.
func (u *unclaimed) note(modules ports.Modules, changes []ports.Change) {
	for _, c := range changes {
		if _, known := modules.Of(c.AggregateType); !known {
			u.add(c)
		}
	}
}

func (u *unclaimed) add(c ports.Change) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = map[string]int64{}
	}
	u.last[c.AggregateType] = c.Revision
}

// pending reports whether some of the changes are published by no replica.
func (u *unclaimed) pending(at ports.Delivered) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for t, revision := range u.last {
		if at.Of(t).Revision < revision {
			return true
		}
	}
	return false
}
