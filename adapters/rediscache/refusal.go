package rediscache

import (
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/ports"
)

// lastRefusal is the reason for which Redis refused the last claim, which every replica
// repeats. The zero value is none.
type lastRefusal struct{ reason atomic.Pointer[string] }

// note records the outcome of a claim. A Redis that does not reply has refused nothing.
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
