package changefeed

import (
	"context"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

// Filter selects changes. Empty fields select all.
type Filter struct {
	// Environment selects resources that live in no environment, too.
	Environment string
	// ServiceName is that of a service, or of a configuration.
	ServiceName string
	// ResourceType is a module's.
	ResourceType string
}

// matches reports whether a filter selects a change.
func (f Filter) matches(n *Notification) bool {
	return (f.ResourceType == "" || f.ResourceType == n.Event.ResourceType) &&
		(f.ServiceName == "" || f.ServiceName == n.ServiceName) &&
		(f.Environment == "" || n.everyEnvironment || f.Environment == n.Environment)
}

// Watch is a watcher's view of the feed: the changes that its filter selects and its
// caller may be shown. It is used by one goroutine at a time.
type Watch struct {
	tailer *Tailer
	filter Filter
	caller access.Caller
	// action is what shows a change to the caller; empty is the one of its module.
	action    access.Action
	selection selection
	notified  chan struct{}
}

// CheckFilter returns an error where a filter names a resource type that does not
// exist.
func (t *Tailer) CheckFilter(f Filter) error {
	if f.ResourceType == "" {
		return nil
	}
	if _, known := t.modules.OfResource(f.ResourceType); known {
		return nil
	}
	types := t.modules.ResourceTypes()
	last := len(types) - 1
	return fault.Bad("type", "must be "+strings.Join(types[:last], ", ")+" or "+types[last])
}

// Watch begins to watch the changes that a filter selects and the caller may be shown.
// The caller needs the right to read resources of the type, or of any type where the
// filter names none. Whatever opens a watch closes it.
func (t *Tailer) Watch(caller access.Caller, f Filter) (*Watch, error) {
	if err := t.CheckFilter(f); err != nil {
		return nil, err
	}
	if err := t.mayWatch(caller, f.ResourceType); err != nil {
		return nil, err
	}
	return t.open(f, caller, ""), nil
}

// mayWatch returns nil where a caller may read a resource of a type, or of any type.
func (t *Tailer) mayWatch(caller access.Caller, resourceType string) error {
	var err error
	for _, m := range t.modules {
		if resourceType != "" && resourceType != m.ResourceType {
			continue
		}
		if err = caller.RequireAnywhere(access.Action(m.ReadAction)); err == nil {
			return nil
		}
	}
	return err
}

// Observe is Watch for what shows none of the changes, on resources on which the caller is
// allowed an action.
func (t *Tailer) Observe(caller access.Caller, action access.Action, f Filter) *Watch {
	return t.open(f, caller, action)
}

func (t *Tailer) open(f Filter, caller access.Caller, action access.Action) *Watch {
	w := &Watch{
		tailer: t, filter: f, caller: caller, action: action, notified: make(chan struct{}, 1),
		selection: selection{environment: f.Environment, service: f.ServiceName, resource: f.ResourceType},
	}
	t.hub.add(w)
	return w
}

// Notified delivers once after there may be more changes.
func (w *Watch) Notified() <-chan struct{} { return w.notified }

// Close ends the watch.
func (w *Watch) Close() { w.tailer.hub.remove(w) }

func (w *Watch) signal() {
	select {
	case w.notified <- struct{}{}:
	default:
	}
}

// selects reports whether a change is selected and may be shown.
func (w *Watch) selects(n *Notification) bool {
	if !w.filter.matches(n) {
		return false
	}
	if w.action != "" {
		return w.caller.Has(w.action, n.resource)
	}
	return n.readableBy(w.caller)
}

// Since returns at most limit selected changes after a revision, and the revision up to
// which it has searched: all selected changes up to there are in the answer or before.
// Where that is below the position, and the limit was not reached, the caller continues
// from there. It is ErrCompacted where changes in between are no longer stored.
func (w *Watch) Since(ctx context.Context, revision int64, limit int) ([]*Notification, int64, error) {
	end := w.tailer.Position().Revision
	if notifications, cached := w.tailer.recent.after(revision); cached {
		list, upTo := w.pick(notifications, end, limit)
		return list, max(revision, upTo), nil
	}
	if revision >= end {
		return nil, revision, nil
	}
	return w.sinceStored(ctx, revision, min(end, revision+searchMost), limit)
}

// searchMost is how many revisions one query to the store searches at most.
const searchMost = 20_000

// sinceStored is Since over what is stored, up to a revision.
func (w *Watch) sinceStored(ctx context.Context, revision, end int64, limit int) ([]*Notification, int64, error) {
	changes, err := w.tailer.feed.Changes(ctx, w.query(revision, end))
	if err != nil {
		return nil, revision, err
	}
	// The head is read afterwards, so that nothing was missing when the changes were read.
	head, err := w.tailer.feed.Head(ctx)
	if err != nil {
		return nil, revision, err
	}
	if head.Oldest > revision+1 {
		return nil, revision, w.tailer.compacted()
	}
	list, upTo := w.pick(w.tailer.notifications(changes), end, limit)
	if len(list) < limit && len(changes) < ApplyBatch {
		upTo = end
	}
	return list, upTo, nil
}

// query returns what the filter may select of a range.
func (w *Watch) query(after, upTo int64) ports.ChangeQuery {
	q := ports.ChangeQuery{
		After: after, UpTo: upTo, Limit: ApplyBatch,
		Environment: w.filter.Environment, ServiceName: w.filter.ServiceName,
	}
	for _, m := range w.tailer.modules {
		if m.EveryEnvironment {
			q.Everywhere = append(q.Everywhere, m.AggregateType)
		}
		if m.ResourceType == w.filter.ResourceType {
			q.AggregateTypes = []string{m.AggregateType}
		}
	}
	return q
}

// pick returns the selected changes up to the end, and how far it has searched.
func (w *Watch) pick(notifications []*Notification, end int64, limit int) (list []*Notification, upTo int64) {
	for _, n := range notifications {
		if n.Revision > end || len(list) == limit {
			break
		}
		upTo = n.Revision
		if w.selects(n) {
			list = append(list, n)
		}
	}
	return list, upTo
}
