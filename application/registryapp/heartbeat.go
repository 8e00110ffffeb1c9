package registryapp

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// MaxHeartbeats is how many a batch holds at most.
const MaxHeartbeats = 1000

// maxResponseTime is in milliseconds.
const maxResponseTime = 1e9

// Heartbeat says who lives.
type Heartbeat struct {
	ServiceName, InstanceID string
	// Environment is where the instance is; "" leaves that to Epoch.
	Environment string
	// Epoch is that of the registration.
	Epoch int64
	// Status is a report beside it; nil for none.
	Status *string
	// ResponseTime is in milliseconds, 0 to 1e9; nil for none.
	ResponseTime *float64
}

// Beat is what became of a heartbeat.
type Beat struct {
	Epoch registry.Epoch
	// ExpiresIn is for how long the lease runs from now.
	ExpiresIn time.Duration
}

// Beaten is what became of one heartbeat of a batch.
type Beaten struct {
	Beat
	Err error
}

// Heartbeat renews the lease of an instance: that of the epoch where no environment
// is named. Another epoch is ErrLeaseLost, an
// instance that was removed ErrInstanceNotFound. One whose lease had ended comes
// back. While leases cannot be renewed it is ErrLeasesUnavailable. A renewal that
// changes nothing in the database needs no confirmation of the caller's key.
func (s *Service) Heartbeat(ctx context.Context, by access.Caller, in Heartbeat) (Beat, error) {
	if err := by.RequireRight(access.WriteService, access.Resource{}); err != nil {
		return Beat{}, err
	}
	renewal, err := s.parseHeartbeat(&in)
	if err != nil {
		return Beat{}, err
	}
	known := s.catalogue.find(in.ServiceName)
	if err := s.locate(ctx, known, &renewal); err != nil {
		return Beat{}, err
	}
	renewed, err := s.deps.Leases.Renew(ctx, renewal)
	if err != nil {
		return Beat{}, err
	}
	return s.follow(ctx, by, known, &renewal, renewed[0])
}

// Heartbeats renews the leases of many instances, at most MaxHeartbeats, and
// returns for each, in order, what became of it; more are ErrTooManyHeartbeats.
func (s *Service) Heartbeats(ctx context.Context, by access.Caller, in []Heartbeat) ([]Beaten, error) {
	if len(in) > MaxHeartbeats {
		return nil, registry.ErrTooManyHeartbeats
	}
	if err := by.RequireRight(access.WriteService, access.Resource{}); err != nil {
		return nil, err
	}
	out := make([]Beaten, len(in))
	renewals := make([]registry.Renewal, 0, len(in))
	places := make([]int, 0, len(in))
	services := make([]*cachedService, 0, len(in))
	for i := range in {
		renewal, err := s.parseHeartbeat(&in[i])
		known := s.catalogue.find(in[i].ServiceName)
		if err == nil {
			err = s.locate(ctx, known, &renewal)
		}
		if err != nil {
			out[i].Err = err
			continue
		}
		renewals, places, services = append(renewals, renewal), append(places, i), append(services, known)
	}
	if len(renewals) == 0 {
		return out, nil
	}
	renewed, err := s.deps.Leases.Renew(ctx, renewals...)
	if err != nil {
		return nil, err
	}
	for n, i := range places {
		out[i].Beat, out[i].Err = s.follow(ctx, by, services[n], &renewals[n], renewed[n])
	}
	return out, nil
}

func (s *Service) parseHeartbeat(in *Heartbeat) (registry.Renewal, error) {
	var r registry.Renewal
	var nameErr, idErr, epochErr, envErr error
	r.Service, nameErr = registry.ParseName(in.ServiceName)
	r.Instance, idErr = registry.ParseInstanceID(in.InstanceID)
	if in.Epoch < 1 {
		epochErr = fault.Bad("lease_epoch", "must be the one that the registration returned")
	}
	if in.Environment != "" {
		r.Environment, envErr = s.deps.Environments.Parse(in.Environment)
	}
	observation, err := parseObservation(in.Status, in.ResponseTime)
	r.Epoch, r.Observation = registry.Epoch(in.Epoch), observation
	if nameErr == nil && idErr == nil && epochErr == nil && envErr == nil && err == nil {
		return r, nil
	}
	return r, fault.Merge(nameErr, idErr, envErr, epochErr, err)
}

// locate finds the environment of a renewal that names none by its epoch: in memory,
// or, where memory does not know the epoch, in the store.
func (s *Service) locate(ctx context.Context, known *cachedService, r *registry.Renewal) error {
	if !r.Environment.IsZero() {
		return nil
	}
	e, err := known.holder(r.Instance, r.Epoch)
	if err != nil || !e.IsZero() {
		r.Environment = e
		return err
	}
	found, err := s.deps.Services.Find(ctx, r.Service, r.Instance)
	if err != nil {
		return err
	}
	i, err := found.Holder(r.Instance, r.Epoch)
	if err != nil {
		return err
	}
	s.catalogue.putFound(found)
	r.Environment = i.Environment
	return nil
}

// parseObservation reads a report.
func parseObservation(status *string, responseTime *float64) (registry.Observation, error) {
	o := registry.Observation{ResponseTime: responseTime}
	var statusErr, timeErr error
	if status != nil {
		var parsed health.Status
		parsed, statusErr = health.Parse(*status)
		o.Status, o.Reported = &parsed, true
	}
	if t := responseTime; t != nil && (math.IsNaN(*t) || *t < 0 || *t > maxResponseTime) {
		timeErr = fault.Bad("response_time", "must be between 0 and 1,000,000,000 milliseconds")
	}
	if statusErr == nil && timeErr == nil {
		return o, nil
	}
	return o, fault.Merge(statusErr, timeErr)
}

// follow makes of a renewal what it means for the instance. In most cases that is
// nothing, and the store of services is not asked.
func (s *Service) follow(
	ctx context.Context, by access.Caller, service *cachedService, r *registry.Renewal, renewed registry.Renewed,
) (Beat, error) {
	if renewed.Err != nil {
		return Beat{}, renewed.Err
	}
	switch renewed.Outcome {
	case registry.LeaseLost:
		return Beat{}, s.lost(ctx, service, r)
	case registry.LeaseRenewed:
		known := service.instance(r.Ref)
		if known != nil && !renewed.HadExpired && settled(known, r) {
			return Beat{Epoch: r.Epoch, ExpiresIn: renewed.TTL}, nil
		}
	case registry.LeaseUnknown:
	}
	i, err := s.attend(ctx, by, r, renewed.Outcome == registry.LeaseUnknown)
	if err != nil {
		return Beat{}, err
	}
	return Beat{Epoch: r.Epoch, ExpiresIn: i.TTL}, nil
}

// settled reports whether a renewal tells nothing new of an instance.
func settled(i *registry.Instance, r *registry.Renewal) bool {
	return !i.Expired && i.Epoch == r.Epoch && (r.Status == nil || *r.Status == i.Evidence && !i.Flapping)
}

// errGranting is a lease that was granted for a registration that is not stored, or not
// yet.
var errGranting = errors.New("the lease is granted to another registration, which is not stored yet")

// lost returns what it means that the lease store keeps a lease under a higher epoch.
// Leases are granted before instances are stored, so the lease is lost only when the
// other registration is stored. One that never will be ends by itself.
func (s *Service) lost(ctx context.Context, service *cachedService, r *registry.Renewal) error {
	if known := service.instance(r.Ref); known != nil && known.Epoch > r.Epoch {
		return registry.ErrLeaseLost
	}
	found, err := s.deps.Services.Find(ctx, r.Service, r.Instance)
	if err != nil {
		return err
	}
	i, err := found.Instance(r.Ref)
	switch {
	case err != nil:
		return err
	case i.Epoch != r.Epoch:
		return registry.ErrLeaseLost
	}
	return registry.ErrLeasesUnavailable.WithCause(errGranting)
}

// attend writes what a renewal changes, and returns the instance. Where the lease store
// does not know the lease it is granted before.
func (s *Service) attend(
	ctx context.Context, by access.Caller, r *registry.Renewal, unknown bool,
) (*registry.Instance, error) {
	if err := by.Require(access.WriteService, resource(r.Service)); err != nil {
		return nil, err
	}
	var i *registry.Instance
	lives := false
	_, err := s.write(ctx, edition{
		name: r.Service, instances: []registry.InstanceID{r.Instance},
		apply: func(service *registry.Service) (err error) {
			_, err = service.Instance(r.Ref)
			lives = err == nil
			if err := service.Revive(r.Ref, r.Epoch, s.stamp(by)); err != nil {
				return err
			}
			if r.Status != nil {
				if err := service.Report(r.Ref, *r.Status, s.stamp(by)); err != nil {
					return err
				}
			}
			i, err = service.Instance(r.Ref)
			return err
		},
		before: func(ctx context.Context, _ *registry.Service) error {
			if !unknown {
				return nil
			}
			return s.grantFirst(ctx, grant(r.Service, i), new(registry.Epoch))
		},
	})
	gone := fails(err, registry.ErrNotFound) || fails(err, registry.ErrInstanceNotFound)
	if !gone || lives {
		return i, err
	}
	// Whoever renewed a lease of what is no more must not keep it.
	return nil, s.forget(ctx, registry.LeaseKey{Key: r.Key, Epoch: r.Epoch}, err)
}

// forget drops the lease of an instance that is gone and returns why it is, or
// why the lease could not be dropped.
func (s *Service) forget(ctx context.Context, lease registry.LeaseKey, why error) error {
	if err := s.deps.Leases.Remove(context.WithoutCancel(ctx), lease); err != nil {
		return err
	}
	return why
}
