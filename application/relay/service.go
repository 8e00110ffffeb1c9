package relay

import (
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/ports"
)

// Dependencies is what the steps need.
type Dependencies struct {
	Feed       ports.Feed
	Deliveries ports.Deliveries
	Publisher  ports.Publisher
	Clock      ports.Clock
	Stopwatch  ports.Stopwatch
	Modules    ports.Modules
	// Topics are where messages go, by aggregate type.
	Topics map[string]string
	// TopicChanged is called when publishing to a topic is paused, and with nil when it is
	// resumed; it may be nil. It does not block.
	TopicChanged func(topic string, err error)
	// Source identifies this service in every message: a URI reference (CloudEvents 1.0,
	// "source").
	Source string
}

// Service offers the steps. They are safe for concurrent use; of two that drain at once
// one gets ports.ErrOvertaken.
type Service struct {
	deps   Dependencies
	pauses pauses
	// last is the state of deliveries that was loaded last; nil before.
	last atomic.Pointer[ports.Delivered]
	// unclaimed are the changes that are left to a newer version.
	unclaimed unclaimed
}

// New returns the steps over their dependencies.
func New(d Dependencies) *Service {
	s := &Service{deps: d}
	s.pauses = pauses{stopwatch: d.Stopwatch, byType: map[string]pause{}, changed: s.topicChanged}
	return s
}

func (s *Service) topicChanged(aggregateType string, err error) {
	if s.deps.TopicChanged != nil {
		s.deps.TopicChanged(s.deps.Topics[aggregateType], err)
	}
}

// The bounds of one step.
const (
	// DrainBatch is how many changes are published in one step.
	DrainBatch = 1000
	// PurgeBatch is how many changes are purged in one step.
	PurgeBatch = 500
	// ParkedPage is how many parked aggregates are listed at most.
	ParkedPage = 100
)
