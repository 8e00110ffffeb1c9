package bootstrap

import (
	"context"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/ports"
)

// How the feed is kept: events get their revisions right after the commit, and are
// looked for now and then, because a replica may have died in between.
const (
	sequenceLimit   = 1000
	sequencePoll    = 25 * time.Millisecond
	sequenceSlowest = time.Second
	sequenceTimeout = 10 * time.Second
)

// commits tells that something was committed here.
type commits chan struct{}

func newCommits() commits { return make(commits, 1) }

// signal says so, unless that is known already.
func (c commits) signal() {
	select {
	case c <- struct{}{}:
	default:
	}
}

// keepFeed gives events their revisions until the stop.
func keepFeed(lc fx.Lifecycle, feed ports.Feed, committed commits, log *zap.Logger) {
	runLoops(lc, log, nil, loop{
		every: sequencePoll, slowest: sequenceSlowest, timeout: sequenceTimeout, wake: committed,
		step: func(ctx context.Context) (bool, error) {
			n, err := feed.Sequence(ctx, sequenceLimit)
			return n == sequenceLimit, err
		},
		failing: "events get no revisions: the store cannot be reached",
		working: "events get their revisions again",
	})
}
