package scope

import "github.com/signalbox-hq/signalbox/domain/fault"

// ServiceName names a service. The zero value is no service.
type ServiceName struct{ name string }

// ParseServiceName returns the service of that name: 1 to 100 bytes of
// [A-Za-z0-9._-] that begin with a letter or digit. Another text is ErrInvalid
// for the field "service_name".
func ParseServiceName(name string) (ServiceName, error) {
	if !named(name, 100, letterOrDigit) {
		return ServiceName{}, fault.BadText("service_name", name,
			"must be 1 to 100 characters of A-Z, a-z, 0-9, '.', '_' and '-', beginning with a letter or digit")
	}
	return ServiceName{name: name}, nil
}

// RehydrateServiceName returns the service of a name as it is stored, which may break
// the grammar; only stores call it, for damaged rows.
func RehydrateServiceName(name string) ServiceName { return ServiceName{name: name} }

// String returns the name.
func (s ServiceName) String() string { return s.name }

// IsZero reports whether s is no service.
func (s ServiceName) IsZero() bool { return s.name == "" }
