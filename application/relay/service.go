package relay

import (
	"context"

	"github.com/signalbox-hq/signalbox/ports"
)

// Topics are where messages go, by what has changed.
type Topics struct{ Configuration, Flag, Service string }

// Dependencies is what the steps need.
type Dependencies struct {
	Feed       ports.Feed
	Deliveries ports.Deliveries
	Publisher  ports.Publisher
	Clock      ports.Clock
	Topics     Topics
	// Source names this service in every message: a URI reference (CloudEvents 1.0,
	// "source").
	Source string
}

// Service offers the steps. They are safe for concurrent use; of two that drain at
// once one gets ports.ErrOvertaken.
type Service struct{ deps Dependencies }

// New returns the steps over their dependencies.
func New(d Dependencies) *Service { return &Service{deps: d} }

// The bounds of one step.
const (
	// SequenceBatch is how many events get their revisions in one step.
	SequenceBatch = 1000
	// DrainBatch is how many changes are published in one step.
	DrainBatch = 1000
	// PurgeBatch is how many changes are forgotten in one step.
	PurgeBatch = 500
)

// Sequence gives committed events their revisions, and returns how many. Of
// SequenceBatch there may be more.
func (s *Service) Sequence(ctx context.Context) (int, error) {
	return s.deps.Feed.Sequence(ctx, SequenceBatch)
}
