package registryapp

import (
	"context"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports"
)

// Apply takes in what was changed, if it was a service.
func (s *Service) Apply(ctx context.Context, changes []ports.Change) error {
	service := func(c ports.Change) bool { return c.AggregateType == registry.AggregateType }
	if !slices.ContainsFunc(changes, service) {
		return nil
	}
	for _, c := range changes {
		if service(c) {
			s.catalogue.compare(c)
		}
	}
	return s.Refresh(ctx)
}
