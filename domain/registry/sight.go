package registry

import (
	"slices"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Sight reports in which environments a caller may see a service; nil is for all. What is
// in another environment does not exist for that caller.
type Sight func(scope.Environment) bool

// Includes reports whether something in an environment is seen.
func (s Sight) Includes(e scope.Environment) bool { return s == nil || s(e) }

// Within returns the environments that are seen, in their order.
func (s Sight) Within(in []scope.Environment) []scope.Environment {
	return slices.DeleteFunc(slices.Clone(in), func(e scope.Environment) bool { return !s.Includes(e) })
}

// Narrowed returns the state of a service with instances in some environments as far as it
// is seen. The details are those of all these environments: where one is not seen, they
// are empty. Protections are seen in their environments.
func (s *State) Narrowed(sight Sight, in []scope.Environment) State {
	narrowed := *s
	if sight == nil {
		return narrowed
	}
	if len(sight.Within(in)) < len(in) {
		narrowed.Details = Details{}
	}
	narrowed.Protections = slices.DeleteFunc(slices.Clone(s.Protections), func(p Protection) bool {
		return !sight.Includes(p.Environment)
	})
	return narrowed
}

// Locate returns the loaded instance of an id that is seen, in an environment unless that
// is zero. An id in several environments is ErrEnvironmentRequired with the names of those
// that are seen; one in none is ErrInstanceNotFound. The zero id means the default
// instance; where there is none that is ErrInstanceRequired.
func (s *Service) Locate(e scope.Environment, id InstanceID, sight Sight) (*Instance, error) {
	wanted := id
	if id.IsZero() {
		wanted = DefaultInstance()
	}
	var found []*Instance
	for ref := range s.instances {
		i := s.find(ref)
		if i != nil && i.ID == wanted && (e.IsZero() || i.Environment == e) && sight.Includes(i.Environment) {
			found = append(found, i)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, SeveralEnvironments(environmentsOf(found)...)
	case id.IsZero():
		return nil, ErrInstanceRequired
	}
	return nil, ErrInstanceNotFound
}

// environmentsDetail is the detail of failures that lists environments.
const environmentsDetail = "environments"

// SeveralEnvironments returns ErrEnvironmentRequired with the names.
func SeveralEnvironments(in ...scope.Environment) error {
	return ErrEnvironmentRequired.WithDetail(environmentsDetail, namesOf(in))
}

func namesOf(in []scope.Environment) []string {
	names := make([]string, len(in))
	for n, e := range in {
		names[n] = e.String()
	}
	return names
}
