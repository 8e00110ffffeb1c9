package accessapp

import (
	"net/netip"
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Everything is the entry of a list that stands for all entries.
const Everything = "*"

// Grant is a grant as it is written. A list that is nil or has the entry Everything alone
// narrows nothing; one that is empty is rejected, because it would not narrow, either.
type Grant struct {
	// Role is the name of a role.
	Role string
	// Reveal shows the values of encrypted configurations.
	Reveal bool
	// Environments are names of supported ones. The role evaluator requires the list.
	Environments []string
	Services     []string
	// Prefixes begin the keys of configurations and the names of flags and services.
	Prefixes []string
}

func (s *Service) parseGrants(in []Grant) ([]access.Grant, error) {
	if len(in) > access.MaxGrants {
		return nil, fault.Bad("grants", "must have 1 to 20 entries")
	}
	grants := make([]access.Grant, len(in))
	var all []error
	for i, g := range in {
		grant, err := s.parseGrant(g)
		grants[i] = grant
		all = append(all, fault.Within("grants["+strconv.Itoa(i)+"].", err))
	}
	return grants, fault.Merge(all...)
}

func (s *Service) parseGrant(in Grant) (access.Grant, error) {
	role, roleErr := access.ParseRole(in.Role)
	environments, environmentsErr := parseList("environments", in.Environments, s.deps.Policy.Environments.Parse)
	services, servicesErr := parseList("services", in.Services, scope.ParseServiceName)
	prefixes, prefixesErr := parseList("prefixes", in.Prefixes, func(text string) (string, error) { return text, nil })
	if role == access.RoleEvaluator && len(in.Environments) == 0 {
		environmentsErr = fault.Bad("environments", "is required for the role evaluator; [\"*\"] is for all of them")
	}
	return access.Grant{Role: role, Reveal: in.Reveal, Area: scope.Area{
		Environments: environments, Services: services, Prefixes: prefixes,
	}}, fault.Merge(roleErr, environmentsErr, servicesErr, prefixesErr)
}

// parseList parses the entries of a list; Everything alone is the empty list. The error
// is of the field.
func parseList[T any](field string, in []string, parse func(string) (T, error)) ([]T, error) {
	if len(in) == 1 && in[0] == Everything {
		return nil, nil
	}
	switch {
	case in != nil && len(in) == 0:
		return nil, fault.Bad(field, "must not be empty; leave it out, or use [\"*\"], for all")
	case len(in) > scope.MaxAreaEntries:
		return nil, fault.Bad(field, "must have at most 100 entries")
	}
	var list []T
	for _, text := range in {
		one, err := parse(text)
		if err != nil {
			return nil, fault.Bad(field, messageOf(err))
		}
		list = append(list, one)
	}
	return list, nil
}

// messageOf returns the rule that the first field of an error breaks.
func messageOf(err error) string {
	if fields := fault.Of(err).Fields(); len(fields) > 0 {
		return "has an entry that " + fields[0].Message
	}
	return "has an entry that is not supported"
}

func parseNetworks(in []string) ([]netip.Prefix, error) {
	if len(in) > access.MaxNetworks {
		return nil, fault.Bad("networks", "must have at most 50 entries")
	}
	var list []netip.Prefix
	for _, text := range in {
		network, err := access.ParseNetwork(text)
		if err != nil {
			return nil, err
		}
		list = append(list, network)
	}
	return list, nil
}
