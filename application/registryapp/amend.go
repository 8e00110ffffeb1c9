package registryapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Amend says what to change about an instance; what is nil stays as it is.
type Amend struct {
	Target
	Desired, Reason *string
	Weight          *int
	// Metadata is a JSON object.
	Metadata []byte
	Tags     *[]string
}

// Amend changes what is desired of an instance, or what describes it, and returns
// it. An unknown service or instance is ErrNotFound or ErrInstanceNotFound.
func (s *Service) Amend(ctx context.Context, by access.Caller, in Amend) (Reading, error) {
	p := &parsing{}
	t := s.parseTarget(p, in.ServiceName, &in.InstanceID, in.Environment)
	a := registry.Amendment{Reason: in.Reason, Weight: in.Weight, Tags: in.Tags}
	a.Metadata = parseMetadata(p, in.Metadata)
	if in.Desired != nil {
		a.Desired = new(parse(p, registry.ParseDesired, *in.Desired))
	}
	if err := p.faults.Err(); err != nil {
		return Reading{}, err
	}
	var amended *registry.Instance
	written, err := s.change(ctx, by, t, func(service *registry.Service, i *registry.Instance) (err error) {
		if err := service.Amend(i.Ref(), a, s.stamp(by)); err != nil {
			return err
		}
		amended, err = service.Instance(i.Ref())
		return err
	})
	if err != nil {
		return Reading{}, err
	}
	return Reading{Service: written.State(), Instances: s.observed(ctx, t.service, amended)}, nil
}
