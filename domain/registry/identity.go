package registry

import (
	"slices"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// ID numbers a service. It is given by the store and never used again.
type ID int64

// Epoch is the fencing token of a lease: each registration of an instance draws the next
// one of its service, from 1, across all environments. So an epoch identifies one
// registration of the service. It never goes back, not even after instances or the
// service were removed or purged.
type Epoch int64

// reserved are the paths beside those of services.
func reserved() []string { return []string{"healthy", "health", "register", "heartbeats"} }

// ParseName returns the service of that name: the grammar of scope.ServiceName,
// and none of "healthy", "health", "register" and "heartbeats". Another text is
// ErrInvalid for "service_name".
func ParseName(text string) (scope.ServiceName, error) {
	name, err := scope.ParseServiceName(text)
	if err == nil && slices.Contains(reserved(), text) {
		return scope.ServiceName{}, fault.Bad("service_name", "is reserved; choose another name")
	}
	return name, err
}

// InstanceID names an instance within its service. The zero value is none.
type InstanceID struct{ id string }

// MaxInstanceIDBytes is the longest id of an instance.
const MaxInstanceIDBytes = 128

// DefaultInstance is the instance of a service that was registered without one.
// It has no lease.
func DefaultInstance() InstanceID { return InstanceID{id: "default"} }

// ParseInstanceID returns the instance of that id: 1 to 128 bytes of
// [A-Za-z0-9._:-], and no dot segment. Another text is ErrInvalid for
// "instance_id".
func ParseInstanceID(text string) (InstanceID, error) {
	if text == "" || len(text) > MaxInstanceIDBytes {
		return InstanceID{}, badInstanceID(text)
	}
	if scope.DotSegment(text) {
		return InstanceID{}, fault.Bad("instance_id", "must not be '.' or '..', which clients remove from paths")
	}
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '_', c == ':', c == '-':
		default:
			return InstanceID{}, badInstanceID(text)
		}
	}
	return InstanceID{id: text}, nil
}

func badInstanceID(text string) error {
	return fault.BadText("instance_id", text, "must be 1 to 128 characters of A-Z, a-z, 0-9, '.', '_', ':' and '-'")
}

// RehydrateInstanceID returns the instance of an id as it is stored, which may break
// the rules; only stores call it, for damaged rows.
func RehydrateInstanceID(text string) InstanceID { return InstanceID{id: text} }

// String returns the id.
func (i InstanceID) String() string { return i.id }

// IsZero reports whether i is no instance.
func (i InstanceID) IsZero() bool { return i.id == "" }

// Ref names an instance within its service: one id is another instance in each
// environment.
type Ref struct {
	Environment scope.Environment
	Instance    InstanceID
}

// Key names an instance among those of all services.
type Key struct {
	Service scope.ServiceName
	Ref
}
