package loop

// Signal wakes a loop. Notifications that arrive before the loop wakes are coalesced
// into one.
type Signal chan struct{}

// NewSignal returns a signal without a notification.
func NewSignal() Signal { return make(Signal, 1) }

// Notify wakes the loop. It does not block.
func (s Signal) Notify() {
	select {
	case s <- struct{}{}:
	default:
	}
}
