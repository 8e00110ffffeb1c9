package relay

import (
	"errors"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// How long publishing to a stream is paused after a failure, doubled each time.
const (
	firstPause   = time.Second
	longestPause = 15 * time.Second
)

// pauses has the streams that are paused after a failure, by aggregate type. It is safe
// for concurrent use.
type pauses struct {
	stopwatch ports.Stopwatch
	// changed is called when a topic becomes unwritable, and with nil when it is writable
	// again.
	changed func(aggregateType string, err error)

	mu     sync.Mutex
	byType map[string]pause
}

// pause is the backoff of a stream.
type pause struct {
	until, length time.Duration
	// topic says that the topic is unwritable. Other failures may end at any time.
	topic bool
}

// ready reports whether a stream may be tried now. Idle says that there is nothing else
// to do: then failures that are not the topic's are retried early.
func (p *pauses) ready(aggregateType string, idle bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	pause, found := p.byType[aggregateType]
	return !found || p.stopwatch.Elapsed() >= pause.until || idle && !pause.topic
}

// note takes in the result of a step.
func (p *pauses) note(types []string, of result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range types {
		was := p.byType[t]
		failed, isFailed := of.failures[t]
		if !isFailed {
			delete(p.byType, t)
		}
		_, topic := errors.AsType[ports.TopicError](failed.err)
		if isFailed {
			length := min(max(firstPause, 2*was.length), longestPause)
			p.byType[t] = pause{until: p.stopwatch.Elapsed() + length, length: length, topic: topic}
		}
		if topic != was.topic {
			p.changed(t, failed.err)
		}
	}
}
