package relay

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// How long a leader that makes no progress stays leader, doubled each time, and for how
// long it then does not stand for election.
const (
	firstTimeout   = 10 * time.Second
	longestTimeout = 10 * time.Minute
	standsDownFor  = 2 * time.Second
)

// Leader drains while its process is the leader. One that makes no progress, or leaves
// changes to a newer version, resigns for a moment, so that another process may be
// elected. Its steps are made by one caller.
type Leader struct {
	relay      *Service
	leadership ports.Leadership
	stopwatch  ports.Stopwatch

	// stalled says that no progress is made since a time, and timeout how long that may
	// last.
	stalled        bool
	since, timeout time.Duration
	// standsDown is until when the process does not stand for election.
	standsDown time.Duration
}

// NewLeader returns a leader before its first election.
func NewLeader(r *Service, l ports.Leadership, s ports.Stopwatch) *Leader {
	return &Leader{relay: r, leadership: l, stopwatch: s, timeout: firstTimeout}
}

// Step publishes a batch if this process is the leader, and for no longer than it is
// known to be. It reports whether there may be more.
func (l *Leader) Step(ctx context.Context) (more bool, err error) {
	if l.stopwatch.Elapsed() < l.standsDown {
		return false, nil
	}
	term, err := l.leadership.Confirm(ctx)
	if err != nil || term == 0 {
		l.stalled = false
		return false, err
	}
	draining, cancel := context.WithTimeout(ctx, term)
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
	switch stalled := failure != nil && done == 0 || l.relay.leavesChanges(); {
	case !stalled:
		l.stalled, l.timeout = false, firstTimeout
	case !l.stalled:
		l.stalled, l.since = true, now
	case now-l.since >= l.timeout:
		l.stalled, l.standsDown = false, now+standsDownFor
		l.timeout = min(2*l.timeout, longestTimeout)
		return l.leadership.Resign(ctx)
	}
	return nil
}

// leavesChanges reports whether changes are left to a newer version.
func (s *Service) leavesChanges() bool {
	at := s.last.Load()
	return at != nil && s.unclaimed.pending(*at)
}
