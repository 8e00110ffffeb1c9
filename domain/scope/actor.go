package scope

import "time"

// Actor is the author of a change: an API key, or the anonymous actor, which is the zero
// value.
type Actor struct {
	// KeyID is the public part of the API key, empty for the anonymous actor.
	KeyID string
	// Name is the key's name, at most 100 bytes.
	Name string
}

// System returns the actor of changes that the service makes by itself. No key has its
// id, because theirs are longer.
func System() Actor { return Actor{KeyID: "system", Name: "signalbox"} }

// String returns the key's name, or "anonymous".
func (a Actor) String() string {
	if a.KeyID == "" {
		return "anonymous"
	}
	return a.Name
}

// Stamp is the origin of a change: its author, its time and its request.
type Stamp struct {
	By Actor
	// At is UTC with microseconds; it comes from ports.Clock.
	At time.Time
	// RequestID ties the change to a request's log lines; it may be empty.
	RequestID string
	// Source is the address of the client, empty where it is not certain. Only the audit log
	// has it.
	Source string
	// TraceParent ties it to a trace (W3C Trace Context, "traceparent"); it may be
	// empty. Events carry it, histories do not.
	TraceParent string
}
