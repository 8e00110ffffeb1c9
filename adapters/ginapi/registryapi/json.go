package registryapi

import (
	"time"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// object is a JSON object that the domain reads.
type object = rest.Raw[map[string]any]

// textOf returns the object's JSON, or nil.
func textOf(o *object) []byte {
	if o == nil {
		return nil
	}
	return o.Text
}

func (c *checkJSON) spec() *health.Spec {
	if c == nil {
		return nil
	}
	return &health.Spec{
		Type: c.Type, Path: c.Path, Port: c.Port, Method: c.Method, ExpectedStatus: c.ExpectedStatus,
		Headers: c.Headers, BodyContains: c.BodyContains, Service: c.Service,
		IntervalSeconds: c.IntervalSeconds, TimeoutMS: c.TimeoutMS,
	}
}

func (r *registerJSON) registration() registryapp.Register {
	return registryapp.Register{
		ServiceName: r.ServiceName, InstanceID: r.InstanceID,
		ServiceURL: r.ServiceURL, HealthCheckURL: r.HealthCheckURL, Metadata: textOf(r.Metadata),
		Host: r.Host, Ports: r.Ports, Environment: r.Environment, Zone: r.Zone, Version: r.Version,
		Tags: r.Tags, Weight: r.Weight, TTLSeconds: r.TTLSeconds, DeregisterAfterSeconds: r.Deregister,
		Check: r.Check.spec(),
	}
}

// representService shows the newer of what the store and the lease store know.
func representService(r registryapp.Reading) serviceJSON {
	s := r.Service
	shown := serviceJSON{
		ID: int64(s.ID), ServiceName: s.Name.String(), ServiceURL: s.URL.String(),
		HealthCheckURL: rest.OrNull(s.HealthCheck.String()), Status: s.Status.String(),
		Metadata: object{Text: []byte(s.Metadata.JSON())}, InstanceCount: s.Tally.Total, Version: int64(s.Version),
		RegisteredAt: rest.Time(s.CreatedAt), UpdatedAt: rest.Time(s.UpdatedAt), Damaged: s.Damaged,
	}
	last := s.LastCheck
	if t := s.ResponseTime; t != nil {
		shown.ResponseTime, shown.ResponseTimeAverage = &t.Last, &t.Average
	}
	if o := r.Observed; o.At.After(last) {
		last = o.At
		if o.Measured {
			shown.ResponseTime, shown.ResponseTimeAverage = &o.ResponseTime, &o.Average
		}
	}
	shown.LastHealthCheck = momentOrNull(last)
	for _, p := range s.Protections {
		shown.ProtectedIn = append(shown.ProtectedIn, p.Environment.String())
	}
	return shown
}

// representInstance shows what is the same on every replica at a version.
func representInstance(i *registry.Instance) instanceJSON {
	shown := instanceJSON{
		InstanceID: i.ID.String(), URL: rest.OrNull(i.Address.Base()),
		Host: i.Address.HostName(), Ports: i.Address.Ports,
		HealthCheckURL: rest.OrNull(i.HealthCheck.String()), Check: representCheck(i.Check),
		Environment: i.Environment.String(), Zone: i.Zone, Version: i.Version, Tags: i.Tags,
		Metadata: object{Text: []byte(i.Metadata.JSON())}, Weight: i.Weight,
		Desired: i.Desired.String(), DesiredReason: i.Override.Reason, DesiredBy: i.By.Name,
		Observed: i.Observed().String(), Serving: i.Serving(), Ready: i.Ready(), Terminating: i.Terminating(),
		Flapping: i.Flapping, Held: i.Held, Since: rest.Time(i.Since), Reason: i.Reason,
		RegisteredAt: rest.Time(i.RegisteredAt), Damaged: i.Damaged,
	}
	if i.Leased() {
		shown.TTLSeconds, shown.Deregister = new(int64(i.TTL/time.Second)), new(int64(i.Removal/time.Second))
	}
	if shown.Tags == nil {
		shown.Tags = []string{}
	}
	if shown.Ports == nil {
		shown.Ports = map[string]int{}
	}
	return shown
}

// representObserved shows an instance with what was observed of it lately.
func representObserved(o registryapp.Observed) instanceJSON {
	shown := representInstance(o.Instance)
	r := &readingJSON{
		LastCheck: momentOrNull(o.Reading.At), ConsecutiveFailures: o.Reading.Failures,
		UpdatedAt: rest.Time(o.UpdatedAt),
	}
	if o.Leased() {
		r.LeaseEpoch = new(int64(o.Epoch))
	}
	if o.Reading.Measured {
		r.ResponseTime, r.ResponseTimeAverage = &o.Reading.ResponseTime, &o.Reading.Average
	}
	shown.readingJSON = r
	return shown
}

func representCheck(c *health.Check) *checkJSON {
	if c == nil {
		return nil
	}
	s := c.Spec()
	return &checkJSON{
		Type: s.Type, Path: s.Path, Port: s.Port, Method: s.Method, ExpectedStatus: s.ExpectedStatus,
		Headers: s.Headers, BodyContains: s.BodyContains, Service: s.Service,
		IntervalSeconds: s.IntervalSeconds, TimeoutMS: s.TimeoutMS,
	}
}

func momentOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(rest.Time(t))
}
