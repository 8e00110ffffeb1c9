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
	// TopicChanged is called when a topic begins to take no messages, and with nil when
	// it takes them again; nil for nobody. It does not wait.
	TopicChanged func(topic string, err error)
	// Source names this service in every message: a URI reference (CloudEvents 1.0,
	// "source").
	Source string
}

// Service offers the steps. They are safe for concurrent use; of two that drain at
// once one gets ports.ErrOvertaken.
type Service struct {
	deps  Dependencies
	rests rests
	// last is how far the changes were published when that was read last; nil before.
	last atomic.Pointer[ports.Delivered]
	// unclaimed are the changes that are left to a newer version.
	unclaimed unclaimed
}

// New returns the steps over their dependencies.
func New(d Dependencies) *Service {
	s := &Service{deps: d}
	s.rests = rests{stopwatch: d.Stopwatch, byType: map[string]rest{}, changed: s.topicChanged}
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
	// PurgeBatch is how many changes are forgotten in one step.
	PurgeBatch = 500
)
