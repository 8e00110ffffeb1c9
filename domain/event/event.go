package event

import "github.com/signalbox-hq/signalbox/domain/scope"

// Event is something that has happened to an aggregate. It never changes.
type Event interface {
	// Envelope returns the event as it is published.
	Envelope() Envelope
}

// Envelope is an event as it is published. It never contains a value, a value's length or
// a hash of it. The aggregate's id is not in it: the store that writes the aggregate
// knows the id and adds it.
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
	// Data contains further attributes by snake-case name: strings, integers, booleans.
	Data map[string]any
	// Stamp is the origin of the change.
	Stamp scope.Stamp
}

// Recorder collects the events of an aggregate until they are stored. The zero value is
// ready; aggregates embed it.
type Recorder struct {
	pending []Event
}

// Record adds an event.
func (r *Recorder) Record(e Event) { r.pending = append(r.pending, e) }

// PendingEvents returns the events that are not stored yet, oldest first.
func (r *Recorder) PendingEvents() []Event { return r.pending }

// ForgetEvents discards the pending events; stores call it after their commit.
func (r *Recorder) ForgetEvents() { r.pending = nil }
