package registryapp

import (
	"context"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports"
)

// Apply refreshes the catalogue where services were changed.
func (s *Service) Apply(ctx context.Context, changes []ports.Change) error {
	isService := func(c ports.Change) bool { return c.AggregateType == registry.AggregateType }
	if !slices.ContainsFunc(changes, isService) {
		return nil
	}
	for _, c := range changes {
		if isService(c) {
			s.catalogue.invalidateOther(c)
		}
	}
	return s.Refresh(ctx)
}
