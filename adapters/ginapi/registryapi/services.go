package registryapi

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// ServiceTarget identifies the service of an operation. It is exported because huma reads
// no embedded fields that are not.
type ServiceTarget struct {
	ServiceName string `path:"service_name" doc:"The name of the service"`
}

// InstanceTarget names an instance, likewise.
type InstanceTarget struct {
	ServiceTarget
	InstanceID string `path:"instance_id" doc:"The id of the instance"`
	Environment
}

func (t *InstanceTarget) target() registryapp.Target {
	return registryapp.Target{
		ServiceName: t.ServiceName, InstanceID: t.InstanceID, Environment: t.Environment.Environment,
	}
}

// Environment says in which environment something is, likewise.
type Environment struct {
	Environment string `query:"environment" doc:"Required if the instance id exists in several environments"`
}

type registerServiceInput struct {
	Body registerJSON
}

type registerServiceOutput struct {
	Status   int
	Location string `header:"Location" doc:"The path to read it"`
	Body     registeredJSON
}

func (a *API) registerService(ctx context.Context, in *registerServiceInput) (*registerServiceOutput, error) {
	registration := in.Body.registration()
	registration.Source = a.router.SourceOf(ctx)
	r, err := a.registry.Register(ctx, rest.CallerOf(ctx), registration)
	if err != nil {
		return nil, err
	}
	out := &registerServiceOutput{
		Status:   http.StatusOK,
		Location: registryPath + "/" + r.Service.Name.String(),
		Body:     registeredJSON{serviceJSON: representService(registryapp.Reading{Service: r.Service})},
	}
	if r.Created {
		out.Status = http.StatusCreated
	}
	if i := r.Instance; i != nil {
		out.Body.InstanceID = new(i.ID.String())
		out.Body.LeaseEpoch = new(int64(i.Epoch))
		out.Body.TTLSeconds = new(int64(i.TTL / time.Second))
	}
	return out, nil
}

type listServicesInput struct {
	Status string `query:"status" doc:"Only those that are healthy, unhealthy or unknown"`
	rest.Page
}

func (a *API) listServices(ctx context.Context, in *listServicesInput) (*rest.StalePageOutput, error) {
	body, err := rest.LoadPage(ctx, a.router, 0, func() (registryapp.Listing, rest.Envelope, error) {
		found, err := a.registry.List(ctx, rest.CallerOf(ctx), registryapp.List{
			Status: in.Status, Window: in.Window(),
		})
		return found, rest.Envelope{Cursor: in.Cursor, List: "services", Value: listJSON{
			Services: []serviceJSON{}, Total: found.Total, Limit: in.Limit, Offset: in.Offset,
		}}, err
	}, representService)
	return &rest.StalePageOutput{Stale: a.stale(), Body: body}, err
}

func (a *API) listHealthy(ctx context.Context, _ *struct{}) (*rest.StalePageOutput, error) {
	body, err := rest.LoadPage(ctx, a.router, 0, func() (registryapp.Listing, rest.Envelope, error) {
		found, err := a.registry.Healthy(ctx, rest.CallerOf(ctx))
		return found, rest.Envelope{List: "services", Value: healthyListJSON{
			Services: []serviceJSON{}, Total: found.Total,
		}}, err
	}, representService)
	return &rest.StalePageOutput{Stale: a.stale(), Body: body}, err
}

type serviceOutput struct {
	Stale string `header:"Signalbox-Stale" doc:"The age of the data in seconds, while the store is unavailable"`
	Body  serviceJSON
}

type wholeServiceOutput struct {
	Stale string `header:"Signalbox-Stale" doc:"The age of the data in seconds, while the store is unavailable"`
	Mode  string `header:"Signalbox-Registry-Mode" doc:"protected while self-preservation keeps instances"`
	Body  func(huma.Context)
}

func (a *API) readService(ctx context.Context, in *ServiceTarget) (*wholeServiceOutput, error) {
	out := &wholeServiceOutput{}
	size := a.registry.SizeOf(in.ServiceName)
	body, err := rest.LoadPage(ctx, a.router, size.MetadataBytes+size.Instances*instanceBytes,
		func() (versioned.Page[registryapp.Observed], rest.Envelope, error) {
			found, err := a.registry.Read(ctx, rest.CallerOf(ctx), in.ServiceName)
			if err != nil {
				return versioned.Page[registryapp.Observed]{}, rest.Envelope{}, err
			}
			out.Stale = a.stale()
			if len(found.Service.Protections) > 0 {
				out.Mode = modeProtected
			}
			return instancePart(found.Instances), rest.Envelope{List: "instances", Value: wholeServiceJSON{
				serviceJSON: representService(found), Instances: []instanceJSON{},
			}}, nil
		}, representObserved)
	out.Body = body
	return out, err
}

// instanceBytes is what an instance takes beside its metadata.
const instanceBytes = 512

// instancePart is all instances of a service, which are read together.
func instancePart(instances []registryapp.Observed) versioned.Page[registryapp.Observed] {
	p := versioned.Page[registryapp.Observed]{Items: instances}
	for _, i := range instances {
		p.Bytes += instanceBytes + len(i.Metadata.JSON())
	}
	return p
}

// stale returns the value of Signalbox-Stale for data from memory.
func (a *API) stale() string { return rest.Stale(a.registry.Staleness()) }

type reportHealthInput struct {
	Environment
	Body reportHealthJSON
}

func (a *API) reportHealth(ctx context.Context, in *reportHealthInput) (*serviceOutput, error) {
	environment, err := oneEnvironment(in.Environment.Environment, in.Body.Environment)
	if err != nil {
		return nil, err
	}
	found, err := a.registry.Report(ctx, rest.CallerOf(ctx), registryapp.Report{
		ServiceName: in.Body.ServiceName, InstanceID: in.Body.InstanceID, Environment: environment,
		Status: in.Body.Status, ResponseTime: in.Body.ResponseTime,
	})
	if err != nil {
		return nil, err
	}
	return &serviceOutput{Body: representService(found)}, nil
}

// oneEnvironment returns the environment that a query or a body names, "" for none.
// They may not differ.
func oneEnvironment(query, body string) (string, error) {
	if query != "" && body != "" && query != body {
		return "", fault.Bad("environment", "is another in the query and in the body; give it once")
	}
	return cmp.Or(body, query), nil
}

type deregisterServiceInput struct {
	ServiceTarget
	Environment string `query:"environment" doc:"Only its instances there; * for all, required if it has several"`
}

func (a *API) deregisterService(ctx context.Context, in *deregisterServiceInput) (*struct{}, error) {
	return nil, a.registry.Deregister(ctx, rest.CallerOf(ctx), registryapp.Deregister{
		ServiceName: in.ServiceName, Environment: in.Environment,
	})
}

type amendInstanceInput struct {
	InstanceTarget
	Body amendJSON
}

type instanceOutput struct {
	Body instanceJSON
}

func (a *API) amendInstance(ctx context.Context, in *amendInstanceInput) (*instanceOutput, error) {
	found, err := a.registry.Amend(ctx, rest.CallerOf(ctx), registryapp.Amend{
		Target: in.target(), Desired: in.Body.Desired, Reason: in.Body.Reason, Weight: in.Body.Weight,
		Metadata: textOf(in.Body.Metadata), Tags: in.Body.Tags,
	})
	if err != nil {
		return nil, err
	}
	return &instanceOutput{representObserved(found.Instances[0])}, nil
}

func (a *API) deregisterInstance(ctx context.Context, in *InstanceTarget) (*struct{}, error) {
	return nil, a.registry.DeregisterInstance(ctx, rest.CallerOf(ctx), in.target())
}

type healthHistoryInput struct {
	ServiceTarget
	InstanceID string `query:"instance_id" doc:"Only of this instance"`
	Environment
	Limit int `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many at most"`
	rest.Cursor
}

type healthHistoryOutput struct {
	Body healthHistoryJSON
}

func (a *API) readHealthHistory(ctx context.Context, in *healthHistoryInput) (*healthHistoryOutput, error) {
	query := registryapp.HealthHistory{
		ServiceName: in.ServiceName, Environment: in.Environment.Environment, Window: in.Window(in.Limit),
	}
	if in.InstanceID != "" {
		query.InstanceID = &in.InstanceID
	}
	found, err := a.registry.ReadHealthHistory(ctx, rest.CallerOf(ctx), query)
	if err != nil {
		return nil, err
	}
	out := &healthHistoryOutput{healthHistoryJSON{
		History: make([]transitionJSON, len(found.Items)), Next: rest.Next(found),
	}}
	for i, t := range found.Items {
		out.Body.History[i] = transitionJSON{
			InstanceID: t.Instance.String(), Environment: t.Environment.String(), ChangedAt: rest.Time(t.At),
			From: t.From.String(), To: t.To.String(), Reason: t.Reason, Damaged: t.Damaged,
		}
	}
	return out, nil
}
