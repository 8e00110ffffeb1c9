package rediscache

import (
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/ports"
)

// lastRefusal remembers why Redis refused the last write of a claim, which every
// replica makes all the time. The zero value knows of none.
type lastRefusal struct{ reason atomic.Pointer[string] }

// note takes in how a write ended. A Redis that does not answer has refused nothing.
func (r *lastRefusal) note(err error) {
	switch why := refusal(err); {
	case err == nil:
		r.reason.Store(nil)
	case why != nil:
		r.reason.Store(new(why.Error()))
	}
}

// conditions returns "redis_writes_failing" while Redis refuses writes.
func (r *lastRefusal) conditions() []ports.Condition {
	reason := r.reason.Load()
	if reason == nil {
		return nil
	}
	return []ports.Condition{{Name: "redis_writes_failing", Part: "redis", Message: *reason}}
}
