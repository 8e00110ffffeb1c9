package registryapp

import (
	"context"
	"errors"
	"iter"
	"math"
	"time"

	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// MaxHeartbeats bounds the heartbeats of a batch.
const MaxHeartbeats = 1000

// maxResponseTime is in milliseconds.
const maxResponseTime = 1e9

// Heartbeat is the heartbeat of an instance.
type Heartbeat struct {
	ServiceName, InstanceID string
	// Environment is the instance's; for "" it is found by Epoch.
	Environment string
	// Epoch is that of the registration.
	Epoch int64
	// Status is a report; nil for none.
	Status *string
	// ResponseTime is in milliseconds, 0 to 1e9; nil for none.
	ResponseTime *float64
}

// HeartbeatResult is the result of a heartbeat.
type HeartbeatResult struct {
	Epoch registry.Epoch
	// ExpiresIn is for how long the lease runs from now.
	ExpiresIn time.Duration
}

// BatchResult is the result of one heartbeat of a batch.
type BatchResult struct {
	HeartbeatResult
	Err error
}

// Heartbeat renews the lease of an instance: the one with the epoch where no environment
// is given. Another epoch is ErrLeaseLost, a removed instance ErrInstanceNotFound. An
// expired instance is restored. While leases cannot be renewed it is
// ErrLeasesUnavailable. A renewal that changes nothing in the database needs no
// confirmation of the caller's key.
func (s *Service) Heartbeat(ctx context.Context, by access.Caller, in Heartbeat) (HeartbeatResult, error) {
	if err := by.RequireAnywhere(access.RenewLease); err != nil {
		return HeartbeatResult{}, err
	}
	var renewal registry.Renewal
	if err := s.parseHeartbeat(&in, &renewal); err != nil {
		return HeartbeatResult{}, err
	}
	service := s.catalogue.Find(in.ServiceName)
	if err := s.locate(ctx, by, service, &renewal); err != nil {
		return HeartbeatResult{}, err
	}
	renewed, err := s.deps.Leases.Renew(ctx, renewal)
	if err != nil {
		return HeartbeatResult{}, err
	}
	return s.applyRenewal(ctx, by, service, &renewal, renewed[0])
}

// Heartbeats renews the leases of many instances, at most MaxHeartbeats, and
// returns a result for each, in order; more are ErrTooManyHeartbeats.
func (s *Service) Heartbeats(ctx context.Context, by access.Caller, in []Heartbeat) ([]BatchResult, error) {
	if len(in) > MaxHeartbeats {
		return nil, registry.ErrTooManyHeartbeats
	}
	if err := by.RequireAnywhere(access.RenewLease); err != nil {
		return nil, err
	}
	out := make([]BatchResult, len(in))
	renewals := make([]registry.Renewal, len(in))
	indexes := make([]int, 0, len(in))
	for i := range in {
		if out[i].Err = s.parseHeartbeat(&in[i], &renewals[len(indexes)]); out[i].Err == nil {
			indexes = append(indexes, i)
		}
	}
	renewals, indexes = s.locateAll(ctx, by, renewals[:len(indexes)], indexes, out)
	if len(renewals) == 0 {
		return out, nil
	}
	renewed, err := s.deps.Leases.Renew(ctx, renewals...)
	if err != nil {
		return nil, err
	}
	for service, run := range s.runs(renewals) {
		for n := run.from; n < run.to; n++ {
			result := &out[indexes[n]]
			result.HeartbeatResult, result.Err = s.applyRenewal(ctx, by, service, &renewals[n], renewed[n])
		}
	}
	return out, nil
}

// run is the part of a batch from an index to before another one.
type run struct{ from, to int }

// runs returns the runs of consecutive renewals of one service, with the service as it is
// cached; nil where it is not.
func (s *Service) runs(renewals []registry.Renewal) iter.Seq2[*catalogue.Service, run] {
	return func(yield func(*catalogue.Service, run) bool) {
		for from := 0; from < len(renewals); {
			name, to := renewals[from].Service, from+1
			for to < len(renewals) && renewals[to].Service == name {
				to++
			}
			if !yield(s.catalogue.Find(name.String()), run{from, to}) {
				return
			}
			from = to
		}
	}
}

// locateAll locates the renewals of a batch, sets the errors of those that have no
// instance, and returns the others with their indexes.
func (s *Service) locateAll(
	ctx context.Context, by access.Caller, renewals []registry.Renewal, indexes []int, out []BatchResult,
) ([]registry.Renewal, []int) {
	located := 0
	for service, run := range s.runs(renewals) {
		service.Locate(renewals[run.from:run.to])
		for n := run.from; n < run.to; n++ {
			if err := s.locate(ctx, by, service, &renewals[n]); err != nil {
				out[indexes[n]].Err = err
				continue
			}
			if located != n {
				renewals[located], indexes[located] = renewals[n], indexes[n]
			}
			located++
		}
	}
	return renewals[:located], indexes[:located]
}

// parseHeartbeat parses a heartbeat into a renewal.
func (s *Service) parseHeartbeat(in *Heartbeat, r *registry.Renewal) error {
	*r = registry.Renewal{}
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
		return nil
	}
	return fault.Merge(nameErr, idErr, envErr, epochErr, err)
}

// locate finds the instance of a renewal, which the caller must have the right to renew.
// One that it may not see is ErrInstanceNotFound.
func (s *Service) locate(
	ctx context.Context, by access.Caller, service *catalogue.Service, r *registry.Renewal,
) error {
	if err := s.findEnvironment(ctx, service, r, sightOf(by, r.Service)); err != nil {
		return concealed(by, r.Service, err)
	}
	in := resource(r.Service, r.Environment)
	if by.Has(access.RenewLease, in) || by.Has(access.ReadService, in) {
		return by.RequireRight(access.RenewLease, in)
	}
	return access.Hidden(registry.ErrInstanceNotFound)
}

// findEnvironment finds the environment of a renewal without one by its epoch: in the
// catalogue, or, where the epoch is not cached, in the store. The errors are about what is
// seen.
func (s *Service) findEnvironment(
	ctx context.Context, service *catalogue.Service, r *registry.Renewal, sight registry.Sight,
) error {
	if !r.Environment.IsZero() {
		return nil
	}
	e, err := service.Holder(r.Instance, r.Epoch, sight)
	if err != nil || !e.IsZero() {
		r.Environment = e
		return err
	}
	found, err := s.deps.Services.Find(ctx, r.Service, r.Instance)
	if err != nil {
		return err
	}
	i, err := found.Holder(r.Instance, r.Epoch, sight)
	if err != nil {
		return err
	}
	s.catalogue.PutFound(found)
	r.Environment = i.Environment
	return nil
}

// parseObservation parses a report.
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

// applyRenewal updates the instance's state by the result of a renewal. Mostly nothing
// changes, and the database is not queried.
func (s *Service) applyRenewal(
	ctx context.Context, by access.Caller, service *catalogue.Service, r *registry.Renewal, renewed registry.Renewed,
) (HeartbeatResult, error) {
	if renewed.Err != nil {
		return HeartbeatResult{}, renewed.Err
	}
	switch renewed.Outcome {
	case registry.LeaseLost:
		return HeartbeatResult{}, s.lost(ctx, service, r)
	case registry.LeaseRenewed:
		cached := service.Instance(r.Ref)
		if cached != nil && !renewed.HadExpired && unchanged(cached, r) {
			return HeartbeatResult{Epoch: r.Epoch, ExpiresIn: renewed.TTL}, nil
		}
	case registry.LeaseUnknown:
	}
	i, err := s.saveRenewal(ctx, by, r, renewed.Outcome == registry.LeaseUnknown)
	if err != nil {
		return HeartbeatResult{}, err
	}
	return HeartbeatResult{Epoch: r.Epoch, ExpiresIn: i.TTL}, nil
}

// unchanged reports whether a renewal leaves an instance as it is.
func unchanged(i *registry.Instance, r *registry.Renewal) bool {
	return !i.Expired && i.Epoch == r.Epoch && (r.Status == nil || *r.Status == i.Evidence && !i.Flapping)
}

// errGranting is the cause where a lease was granted for a registration that is not stored,
// or not yet.
var errGranting = errors.New("the lease is granted to another registration, which is not stored yet")

// lost returns the error of a renewal whose lease is stored under a higher epoch. Leases
// are granted before instances are stored, so the lease is lost only when the other
// registration is stored. A lease without one expires.
func (s *Service) lost(ctx context.Context, service *catalogue.Service, r *registry.Renewal) error {
	if cached := service.Instance(r.Ref); cached != nil && cached.Epoch > r.Epoch {
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

// saveRenewal saves the changes by a renewal, and returns the instance. A lease that is
// unknown to the lease store is granted first.
func (s *Service) saveRenewal(
	ctx context.Context, by access.Caller, r *registry.Renewal, unknown bool,
) (*registry.Instance, error) {
	if err := by.Require(access.RenewLease, resource(r.Service, r.Environment)); err != nil {
		return nil, err
	}
	var i *registry.Instance
	lives := false
	_, err := s.write(ctx, mutation{
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
	removed := errors.Is(err, registry.ErrNotFound) || errors.Is(err, registry.ErrInstanceNotFound)
	if !removed || lives {
		return i, err
	}
	// The lease of a removed instance was renewed.
	return nil, s.removeLease(ctx, registry.LeaseKey{Key: r.Key, Epoch: r.Epoch}, err)
}

// removeLease removes the lease of a removed instance, and returns cause or the failure.
func (s *Service) removeLease(ctx context.Context, lease registry.LeaseKey, cause error) error {
	if err := s.deps.Leases.Remove(context.WithoutCancel(ctx), lease); err != nil {
		return err
	}
	return cause
}
