package registryapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Report is the input of Report.
type Report struct {
	ServiceName string
	// InstanceID is nil for the default instance.
	InstanceID *string
	// Environment is "" for the only one of the instance.
	Environment string
	Status      string
	// ResponseTime is in milliseconds, 0 to 1e9; nil for none.
	ResponseTime *float64
}

// Report records the reported status of an instance, with immediate effect. The default
// instance is meant where none is named; if the service has others, that is
// ErrInstanceRequired. An unknown service or instance is ErrNotFound or
// ErrInstanceNotFound. A report does not renew the lease.
func (s *Service) Report(ctx context.Context, by access.Caller, in Report) (Reading, error) {
	p := &parsing{}
	t := s.parseTarget(p, in.ServiceName, in.InstanceID, in.Environment)
	observation, err := parseObservation(&in.Status, in.ResponseTime)
	p.note(err)
	if err := p.faults.Err(); err != nil {
		return Reading{}, err
	}
	var reported *registry.Instance
	written, err := s.change(ctx, by, t, func(service *registry.Service, i *registry.Instance) (err error) {
		if err := service.Report(i.Ref(), *observation.Status, s.stamp(by)); err != nil {
			return err
		}
		reported, err = service.Instance(i.Ref())
		return err
	})
	if err != nil {
		return Reading{}, err
	}
	if err := s.deps.Services.Touch(ctx, written.State().ID, s.deps.Clock.Now(), observation.ResponseTime); err != nil {
		return Reading{}, err
	}
	// The report is stored; the reading is informational.
	_ = s.deps.Readings.Note(ctx, registry.Note{
		Key: registry.Key{Service: t.service, Ref: reported.Ref()}, Observation: observation,
	})
	return s.reread(ctx, by, written)
}

// reread returns a service after Touch.
func (s *Service) reread(ctx context.Context, by access.Caller, written *registry.Service) (Reading, error) {
	found, err := s.deps.Services.Find(ctx, written.State().Name)
	if err != nil {
		return Reading{}, err
	}
	return Reading{Service: s.narrowSaved(ctx, by, found.State())}, nil
}
