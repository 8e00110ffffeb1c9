package scope

import (
	"slices"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Environment is where something applies, such as production. The zero value is
// no environment.
type Environment struct{ name string }

// ParseEnvironment returns the environment of that name: 1 to 50 bytes of [a-z0-9._-]
// that begin with a letter or digit. Another text is ErrInvalid for the field
// "environment". Environments decides whether this installation supports the environment.
func ParseEnvironment(name string) (Environment, error) {
	if !named(name, 50, lowerOrDigit) {
		return Environment{}, fault.BadText("environment", name,
			"must be 1 to 50 characters of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit")
	}
	return Environment{name: name}, nil
}

// RehydrateEnvironment returns the environment of a name as it is stored, which may
// break the grammar; only stores call it, for damaged rows.
func RehydrateEnvironment(name string) Environment { return Environment{name: name} }

// String returns the name.
func (e Environment) String() string { return e.name }

// IsZero reports whether e is no environment.
func (e Environment) IsZero() bool { return e.name == "" }

// Environments is the policy of one installation: the environments it supports.
type Environments struct{ supported []Environment }

// NewEnvironments returns the policy that supports the named environments, in that order.
// An empty list and a duplicate are ErrInvalid.
func NewEnvironments(names ...string) (Environments, error) {
	if len(names) == 0 {
		return Environments{}, fault.Bad("environment", "must contain at least one environment")
	}
	var list []Environment
	for _, name := range names {
		e, err := ParseEnvironment(name)
		if err != nil {
			return Environments{}, err
		}
		if slices.Contains(list, e) {
			return Environments{}, fault.Bad("environment", "must not be listed twice")
		}
		list = append(list, e)
	}
	return Environments{supported: list}, nil
}

// Parse returns the supported environment of that name. A name that breaks the
// grammar or is not supported is ErrInvalid, and the message lists what is.
func (s Environments) Parse(name string) (Environment, error) {
	e, err := ParseEnvironment(name)
	if err != nil {
		return Environment{}, err
	}
	if !slices.Contains(s.supported, e) {
		return Environment{}, fault.Bad("environment", "is not supported here; use one of "+s.String()+s.nearest(name))
	}
	return e, nil
}

// nearest returns a question that names the environment that was probably meant: one that
// begins the name or is begun by it, or that has nearly the same letters; else "".
func (s Environments) nearest(name string) string {
	for _, e := range s.supported {
		begins := len(name) > 1 && (strings.HasPrefix(e.name, name) || strings.HasPrefix(name, e.name))
		if begins || oneEdit(name, e.name) {
			return "; did you mean " + e.name + "?"
		}
	}
	return ""
}

// oneEdit reports whether two names differ by one character that is added, missing or
// another, or by two neighbours that are swapped.
func oneEdit(a, b string) bool {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}

// String returns the names, separated by ", ".
func (s Environments) String() string {
	names := make([]string, len(s.supported))
	for i, e := range s.supported {
		names[i] = e.name
	}
	return strings.Join(names, ", ")
}

// All returns the supported environments, in their order.
func (s Environments) All() []Environment { return slices.Clone(s.supported) }
