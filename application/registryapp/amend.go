package registryapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Amend is the input of Amend; nil fields leave the instance as it is.
type Amend struct {
	Target
	Desired, Reason *string
	Weight          *int
	// Metadata is a JSON object.
	Metadata []byte
	Tags     *[]string
}

// Amend changes the desired state of an instance, or its description, and returns it. An
// unknown service or instance is ErrNotFound or ErrInstanceNotFound.
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
	return Reading{
		Service: s.narrowSaved(ctx, by, written.State()), Instances: s.observed(ctx, t.service, amended),
	}, nil
}
