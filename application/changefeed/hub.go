package changefeed

import (
	"slices"
	"sync"
)

// hub notifies watches of the changes that they select.
type hub struct {
	mu         sync.Mutex
	selections map[selection]map[*Watch]struct{}
}

// selection is what one or more watches select.
type selection struct{ environment, service, resource string }

func (s selection) matches(n *Notification) bool {
	return Filter{Environment: s.environment, ServiceName: s.service, ResourceType: s.resource}.matches(n)
}

func (h *hub) add(w *Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.selections[w.selection] == nil {
		h.selections[w.selection] = map[*Watch]struct{}{}
	}
	h.selections[w.selection][w] = struct{}{}
}

func (h *hub) remove(w *Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	watches := h.selections[w.selection]
	delete(watches, w)
	if len(watches) == 0 {
		delete(h.selections, w.selection)
	}
}

// notify signals the watches that select one of the changes.
func (h *hub) notify(notifications []*Notification) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s, watches := range h.selections {
		if slices.ContainsFunc(notifications, s.matches) {
			signalAll(watches)
		}
	}
}

func (h *hub) notifyAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, watches := range h.selections {
		signalAll(watches)
	}
}

func signalAll(watches map[*Watch]struct{}) {
	for w := range watches {
		w.signal()
	}
}
