package changefeed

import "sync"

// recent caches the last notifications, for watchers that are close to the end of the
// feed.
type recent struct {
	mu sync.RWMutex
	// since is the revision before the first notification.
	since         int64
	notifications []*Notification
}

// recentMost is how many notifications are cached.
const recentMost = 4096

func (r *recent) reset(revision int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since, r.notifications = revision, nil
}

// add appends notifications and evicts the oldest. Slices that readers have do not
// change.
func (r *recent) add(notifications []*Notification) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notifications = append(r.notifications, notifications...)
	if over := len(r.notifications) - recentMost; over > 0 {
		r.since = r.notifications[over-1].Revision
		r.notifications = r.notifications[over:]
	}
}

// after returns the notifications after a revision, or false where some were evicted.
func (r *recent) after(revision int64) ([]*Notification, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if revision < r.since {
		return nil, false
	}
	return r.notifications[min(int(revision-r.since), len(r.notifications)):], true
}

// Cached reports whether all changes after a revision are in memory.
func (t *Tailer) Cached(revision int64) bool {
	_, cached := t.recent.after(revision)
	return cached
}
