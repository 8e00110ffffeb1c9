package health

import "github.com/signalbox-hq/signalbox/domain/fault"

// Status is the observed health of an instance. The zero value is Unknown.
type Status uint8

// The states.
const (
	// Unknown is before anything is known.
	Unknown Status = iota
	// Passing is in order.
	Passing
	// Warning serves, and needs attention.
	Warning
	// Critical does not serve.
	Critical
)

// Statuses returns every state.
func Statuses() []Status { return []Status{Unknown, Passing, Warning, Critical} }

// String returns "unknown", "passing", "warning" or "critical".
func (s Status) String() string {
	switch s {
	case Passing:
		return "passing"
	case Warning:
		return "warning"
	case Critical:
		return "critical"
	case Unknown:
	}
	return "unknown"
}

// Parse returns the status of that name: passing, warning, critical or unknown, or
// healthy for passing and unhealthy for critical. Another text is ErrInvalid for
// "status".
func Parse(text string) (Status, error) {
	switch text {
	case "healthy":
		return Passing, nil
	case "unhealthy":
		return Critical, nil
	}
	for _, s := range Statuses() {
		if s.String() == text {
			return s, nil
		}
	}
	return Unknown, fault.Bad("status", "must be healthy, unhealthy or unknown, or passing, warning or critical")
}

// Serving reports whether an instance in that state answers requests.
func (s Status) Serving() bool { return s == Passing || s == Warning }
