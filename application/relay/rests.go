package relay

import (
	"errors"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// How long a stream rests that could not be published: twice as long each time.
const (
	firstRest   = time.Second
	longestRest = 15 * time.Second
)

// rests are the streams that could not be published, by aggregate type. It is safe for
// concurrent use.
type rests struct {
	stopwatch ports.Stopwatch
	// changed is called when a topic begins to take no messages, and with nil when it
	// takes them again.
	changed func(aggregateType string, err error)

	mu     sync.Mutex
	byType map[string]rest
}

// rest is how a stream rests.
type rest struct {
	until, pause time.Duration
	// topic says that the topic takes no messages. Others may go well at any time.
	topic bool
}

// ready reports whether a stream may be tried now; resting says that nothing else is to
// be done.
func (r *rests) ready(aggregateType string, resting bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	rest, found := r.byType[aggregateType]
	return !found || r.stopwatch.Elapsed() >= rest.until || resting && !rest.topic
}

// note takes in what has come of a step.
func (r *rests) note(types []string, of reckoning) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range types {
		was := r.byType[t]
		failed, isFailed := of.failures[t]
		if !isFailed {
			delete(r.byType, t)
		}
		_, topic := errors.AsType[ports.TopicError](failed.err)
		if isFailed {
			pause := min(max(firstRest, 2*was.pause), longestRest)
			r.byType[t] = rest{until: r.stopwatch.Elapsed() + pause, pause: pause, topic: topic}
		}
		if topic != was.topic {
			r.changed(t, failed.err)
		}
	}
}
