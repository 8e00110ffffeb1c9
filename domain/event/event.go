package event

import "github.com/signalbox-hq/signalbox/domain/scope"

// Event is something that has happened to an aggregate. It never changes.
type Event interface {
	// Envelope returns the event as it is told to others.
	Envelope() Envelope
}

// Envelope is an event as it is told to others. It never holds a value, a
// value's length or a hash of it. The aggregate's id is not in it: the store
// that writes the aggregate knows the id and adds it.
type Envelope struct {
	// Type is "<aggregate>.<past tense>", such as "configuration.created".
	Type string
	// AggregateType is "configuration", "flag" or "service".
	AggregateType string
	// AggregateVersion is the version that the event made, from 1.
	AggregateVersion int64
	// Environment is empty for what lives in none.
	Environment string
	// ServiceName is empty for what belongs to no service.
	ServiceName string
	// Data holds further facts by snake-case name: strings, integers, booleans.
	Data map[string]any
	// Stamp says who did it, when, in which request.
	Stamp scope.Stamp
}

// Recorder keeps the events of an aggregate until they are stored. The zero
// value is ready; aggregates embed it.
type Recorder struct {
	pending []Event
}

// Record keeps an event.
func (r *Recorder) Record(e Event) { r.pending = append(r.pending, e) }

// PendingEvents returns the events that are not stored yet, oldest first.
func (r *Recorder) PendingEvents() []Event { return r.pending }

// ForgetEvents drops the pending events; stores call it after their commit.
func (r *Recorder) ForgetEvents() { r.pending = nil }
