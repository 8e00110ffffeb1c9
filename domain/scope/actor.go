package scope

import "time"

// Actor is who does something: an API key, or nobody known. The zero value is
// the anonymous actor.
type Actor struct {
	// KeyID is the public part of the API key, empty for the anonymous actor.
	KeyID string
	// Name is the key's name, at most 100 bytes.
	Name string
}

// System returns the actor of what the service does by itself. No key has its id,
// because theirs are longer.
func System() Actor { return Actor{KeyID: "system", Name: "signalbox"} }

// String returns the key's name, or "anonymous".
func (a Actor) String() string {
	if a.KeyID == "" {
		return "anonymous"
	}
	return a.Name
}

// Stamp is what every change carries: who, when, and in which request.
type Stamp struct {
	By Actor
	// At is UTC with microseconds; it comes from ports.Clock.
	At time.Time
	// RequestID ties the change to a request's log lines; it may be empty.
	RequestID string
	// TraceParent ties it to a trace (W3C Trace Context, "traceparent"); it may be
	// empty. Events carry it, histories do not.
	TraceParent string
}
