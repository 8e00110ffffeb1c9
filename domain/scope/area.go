package scope

import (
	"slices"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// MaxAreaEntries bounds each list of an Area.
const MaxAreaEntries = 100

// Area is a part of all resources. A list that is empty narrows nothing. Another one
// contains the resources that match an entry of it, and none that has no environment,
// service or name. The zero value contains everything.
type Area struct {
	// Environments are those of the resources.
	Environments []Environment
	// Services are those that configurations and registrations belong to.
	Services []ServiceName
	// Prefixes begin the key of a configuration, the name of a flag or of a registered
	// service.
	Prefixes []string
}

// IsAll reports whether the area contains everything.
func (a Area) IsAll() bool {
	return len(a.Environments) == 0 && len(a.Services) == 0 && len(a.Prefixes) == 0
}

// Contains reports whether the area contains a resource. Zero values are those of a
// resource that has none.
func (a Area) Contains(e Environment, service ServiceName, name string) bool {
	return a.ContainsNamed(service, name) && a.ContainsEnvironment(e)
}

// ContainsEnvironment reports whether the area contains resources of an environment.
func (a Area) ContainsEnvironment(e Environment) bool {
	return len(a.Environments) == 0 || !e.IsZero() && slices.Contains(a.Environments, e)
}

// ContainsNamed reports whether the area contains a resource in some environment.
func (a Area) ContainsNamed(service ServiceName, name string) bool {
	if len(a.Services) > 0 && (service.IsZero() || !slices.Contains(a.Services, service)) {
		return false
	}
	begins := func(prefix string) bool { return name != "" && strings.HasPrefix(name, prefix) }
	return len(a.Prefixes) == 0 || slices.ContainsFunc(a.Prefixes, begins)
}

// Covers reports whether the area contains everything that another one does.
func (a Area) Covers(b Area) bool {
	return covers(a.Environments, b.Environments, func(x, y Environment) bool { return x == y }) &&
		covers(a.Services, b.Services, func(x, y ServiceName) bool { return x == y }) &&
		covers(a.Prefixes, b.Prefixes, func(x, y string) bool { return strings.HasPrefix(y, x) })
}

func covers[T any](wide, narrow []T, contains func(wide, narrow T) bool) bool {
	if len(wide) == 0 {
		return true
	}
	return len(narrow) > 0 && !slices.ContainsFunc(narrow, func(n T) bool {
		return !slices.ContainsFunc(wide, func(w T) bool { return contains(w, n) })
	})
}

// Equal reports whether two areas have the same lists.
func (a Area) Equal(b Area) bool {
	return slices.Equal(a.Environments, b.Environments) && slices.Equal(a.Services, b.Services) &&
		slices.Equal(a.Prefixes, b.Prefixes)
}

// Check returns ErrInvalid for a list with more than MaxAreaEntries entries or one twice,
// and for a prefix that begins no name.
func (a Area) Check() error {
	return fault.Merge(
		checkEntries("environments", a.Environments), checkEntries("services", a.Services),
		checkEntries("prefixes", a.Prefixes), checkPrefixes(a.Prefixes),
	)
}

func checkEntries[T comparable](field string, list []T) error {
	if len(list) > MaxAreaEntries {
		return fault.Bad(field, "must have at most 100 entries")
	}
	seen := make(map[T]bool, len(list))
	for _, one := range list {
		if seen[one] {
			return fault.Bad(field, "must not have an entry twice")
		}
		seen[one] = true
	}
	return nil
}

// maxPrefixBytes is the length of the longest name.
const maxPrefixBytes = 255

func checkPrefixes(prefixes []string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/@+[]"
	for _, p := range prefixes {
		if p == "" || len(p) > maxPrefixBytes || strings.Trim(p, letters) != "" {
			return fault.Bad("prefixes", "must have entries of 1 to 255 letters, digits and . _ - : / @ + [ ]")
		}
	}
	return nil
}
