package relay

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// How long a leader goes on that makes no progress, twice as long each time, and for
// how long it then lets others lead.
const (
	firstPatience   = 10 * time.Second
	longestPatience = 10 * time.Minute
	asideFor        = 2 * time.Second
)

// Leader drains while its process leads. One that makes no progress, or leaves changes
// to a newer version, resigns for a moment, so that another process may try. Its steps
// are made by one caller.
type Leader struct {
	relay      *Service
	leadership ports.Leadership
	stopwatch  ports.Stopwatch

	// hindered says that no progress is made since a time, and patience how long that
	// may last.
	hindered        bool
	since, patience time.Duration
	// aside is until when others may lead.
	aside time.Duration
}

// NewLeader returns a leader that has not asked yet whether it leads.
func NewLeader(r *Service, l ports.Leadership, s ports.Stopwatch) *Leader {
	return &Leader{relay: r, leadership: l, stopwatch: s, patience: firstPatience}
}

// Step publishes a batch if this process leads, and for no longer than it may believe
// so. It reports whether there may be more.
func (l *Leader) Step(ctx context.Context) (more bool, err error) {
	if l.stopwatch.Elapsed() < l.aside {
		return false, nil
	}
	may, err := l.leadership.Confirm(ctx)
	if err != nil || may == 0 {
		l.hindered = false
		return false, err
	}
	draining, cancel := context.WithTimeout(ctx, may)
	defer cancel()
	n, err := l.relay.Drain(draining)
	if errors.Is(err, ports.ErrOvertaken) {
		return true, nil
	}
	return n > 0, errors.Join(err, l.judge(ctx, n, err))
}

// judge resigns where the process has made no progress for too long.
func (l *Leader) judge(ctx context.Context, done int, failure error) error {
	now := l.stopwatch.Elapsed()
	switch hindered := failure != nil && done == 0 || l.relay.leaves(); {
	case !hindered:
		l.hindered, l.patience = false, firstPatience
	case !l.hindered:
		l.hindered, l.since = true, now
	case now-l.since >= l.patience:
		l.hindered, l.aside = false, now+asideFor
		l.patience = min(2*l.patience, longestPatience)
		return l.leadership.Resign(ctx)
	}
	return nil
}

// leaves reports whether changes are left to a newer version.
func (s *Service) leaves() bool {
	at := s.last.Load()
	return at != nil && s.unclaimed.pending(*at)
}
