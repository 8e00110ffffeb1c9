package ginapi

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// The paths of the registry. All of it is also at servicesPath.
const (
	registryPath  = basePath + "/registry"
	servicesPath  = basePath + "/services"
	servicePath   = registryPath + "/{service_name}"
	instancePath  = servicePath + "/instances/{instance_id}"
	discoveryPath = basePath + "/discovery/{service_name}"
	prometheusSD  = "/prometheus/sd"
)

// Registry are the use cases of the service registry, as registryapp.Service
// offers them.
type Registry interface {
	Register(ctx context.Context, by access.Caller, in registryapp.Register) (registryapp.Registered, error)
	Report(ctx context.Context, by access.Caller, in registryapp.Report) (registryapp.Reading, error)
	Amend(ctx context.Context, by access.Caller, in registryapp.Amend) (registryapp.Reading, error)
	Deregister(ctx context.Context, by access.Caller, in registryapp.Deregister) error
	DeregisterInstance(ctx context.Context, by access.Caller, in registryapp.Target) error
	RegistryReads
	Discovery
}

// RegistryReads are the use cases that look services up.
type RegistryReads interface {
	Read(ctx context.Context, by access.Caller, serviceName string) (registryapp.Reading, error)
	SizeOf(serviceName string) registry.Size
	List(ctx context.Context, by access.Caller, in registryapp.List) (registryapp.Listing, error)
	Healthy(ctx context.Context, by access.Caller) (registryapp.Listing, error)
	ReadHealthHistory(
		ctx context.Context, by access.Caller, in registryapp.HealthHistory,
	) ([]registry.Transition, error)
}

// Discovery are the use cases that programs call all the time.
type Discovery interface {
	Heartbeat(ctx context.Context, by access.Caller, in registryapp.Heartbeat) (registryapp.Beat, error)
	Heartbeats(ctx context.Context, by access.Caller, in []registryapp.Heartbeat) ([]registryapp.Beaten, error)
	Discover(by access.Caller, serviceName, environment string) (*registryapp.View, error)
	Everything(by access.Caller, environment, serviceName string) ([]*registryapp.View, error)
	Staleness() time.Duration
}

// routeRegistry registers all that can be done with services.
func (a *API) routeRegistry() {
	op := a.registryOperation("register-service", http.MethodPost, registryPath+"/register",
		"Register a service, or an instance of it with a lease", http.StatusServiceUnavailable)
	op.Description = "201 where the service or the instance is new, else 200. What is not given stays as it is."
	op.Responses["201"] = a.jsonResponse(http.StatusCreated, typeOf[registeredJSON](), "Location")
	register(a, needing(access.WriteService, op), a.registerService)
	register(a, a.pageOperation(a.registryOperation("list-services", http.MethodGet, registryPath+"/",
		"List services by name"), listServicesJSON{}), a.listServices)
	register(a, a.pageOperation(a.registryOperation("list-healthy-services", http.MethodGet, registryPath+"/healthy",
		"List all services that are healthy"), listHealthyJSON{}), a.listHealthy)
	register(a, needing(access.WriteService, a.registryOperation("report-health", http.MethodPut,
		registryPath+"/health", "Report how a service or an instance is", http.StatusNotFound, http.StatusConflict)),
		a.reportHealth)
	register(a, a.pageOperation(a.registryOperation("read-service", http.MethodGet, servicePath,
		"Read a service with its instances", http.StatusNotFound), wholeServiceJSON{}), a.readService)
	op = a.registryOperation("deregister-service", http.MethodDelete, servicePath,
		"Deregister a service and its instances", http.StatusNotFound, http.StatusConflict)
	op.Description = "In one environment, and as a whole where it lives in no other. Without an environment it is " +
		"taken away as a whole, which is 409 with the list where it lives in several."
	op.DefaultStatus = http.StatusNoContent
	register(a, op, a.deregisterService)
	register(a, needing(access.WriteService, a.registryOperation("amend-instance", http.MethodPatch, instancePath,
		"Change what is desired of an instance, or what describes it",
		http.StatusNotFound, http.StatusConflict)), a.amendInstance)
	op = a.registryOperation("deregister-instance", http.MethodDelete, instancePath,
		"Deregister an instance", http.StatusNotFound, http.StatusConflict)
	op.DefaultStatus = http.StatusNoContent
	register(a, op, a.deregisterInstance)
	register(a, a.registryOperation("read-health-history", http.MethodGet, servicePath+"/health-history",
		"List the transitions of a service's instances of the last 30 days, newest first",
		http.StatusNotFound, http.StatusConflict), a.readHealthHistory)
	a.routeHeartbeats()
	a.routeDiscovery()
}

func (a *API) registryOperation(id, method, path, summary string, problems ...int) huma.Operation {
	return a.operation("registry", id, method, path, summary, orDamaged(path, problems)...)
}

// ServiceTarget names the service that an operation is about. It is exported for
// huma alone, which passes over what is not.
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
	Environment string `query:"environment" doc:"Needed where the instance id lives in several environments"`
}

type registerServiceInput struct {
	Body registerJSON
}

type registerServiceOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where to read it"`
	Body     registeredJSON
}

func (a *API) registerService(ctx context.Context, in *registerServiceInput) (*registerServiceOutput, error) {
	this := callOf(ctx)
	registration := in.Body.registration()
	registration.Source = this.peer.source(a.options.TrustedProxies)
	r, err := a.options.Registry.Register(ctx, this.caller, registration)
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
	Page
}

func (a *API) listServices(ctx context.Context, in *listServicesInput) (*stalePageOutput, error) {
	held, err := a.reserve(ctx)
	if err != nil {
		return nil, err
	}
	found, err := a.options.Registry.List(ctx, callOf(ctx).caller, registryapp.List{
		Status: in.Status, Limit: in.Limit, Offset: in.Offset,
	})
	if err != nil {
		held.release()
		return nil, err
	}
	body, err := paged(ctx, a, held, servicePart(found), representService, listServicesJSON{
		Services: []serviceJSON{}, Total: found.Total, Limit: in.Limit, Offset: in.Offset,
	}, "services")
	return &stalePageOutput{a.registryStale(), body}, err
}

func servicePart(l registryapp.Listing) pagePart[registryapp.Reading] {
	return pagePart[registryapp.Reading]{l.Services, l.Bytes, page.Following(l.Next, servicePart)}
}

func (a *API) listHealthy(ctx context.Context, _ *struct{}) (*stalePageOutput, error) {
	held, err := a.reserve(ctx)
	if err != nil {
		return nil, err
	}
	found, err := a.options.Registry.Healthy(ctx, callOf(ctx).caller)
	if err != nil {
		held.release()
		return nil, err
	}
	body, err := paged(ctx, a, held, servicePart(found), representService, listHealthyJSON{
		Services: []serviceJSON{}, Total: found.Total,
	}, "services")
	return &stalePageOutput{a.registryStale(), body}, err
}

type serviceOutput struct {
	Stale string `header:"Signalbox-Stale" doc:"For how many seconds the store could not be asked"`
	Body  serviceJSON
}

type wholeServiceOutput struct {
	Stale string `header:"Signalbox-Stale" doc:"For how many seconds the store could not be asked"`
	Mode  string `header:"Signalbox-Registry-Mode" doc:"protected while preservation holds instances"`
	Body  func(huma.Context)
}

func (a *API) readService(ctx context.Context, in *ServiceTarget) (*wholeServiceOutput, error) {
	size := a.options.Registry.SizeOf(in.ServiceName)
	held, err := a.reserveFor(ctx, size.MetadataBytes+size.Instances*instanceBytes)
	if err != nil {
		return nil, err
	}
	found, err := a.options.Registry.Read(ctx, callOf(ctx).caller, in.ServiceName)
	if err != nil {
		held.release()
		return nil, err
	}
	out := &wholeServiceOutput{Stale: a.registryStale()}
	if len(found.Service.Protections) > 0 {
		out.Mode = modeProtected
	}
	out.Body, err = paged(ctx, a, held, instancePart(found.Instances), representObserved, wholeServiceJSON{
		serviceJSON: representService(found), Instances: []instanceJSON{},
	}, "instances")
	return out, err
}

// instancePart is all instances of a service, which are read together.
func instancePart(instances []registryapp.Observed) pagePart[registryapp.Observed] {
	p := pagePart[registryapp.Observed]{items: instances}
	for _, i := range instances {
		p.bytes += instanceBytes + len(i.Metadata.JSON())
	}
	return p
}

// registryStale says for how many seconds memory has not been the store's, "" for
// few.
func (a *API) registryStale() string {
	stale := a.options.Registry.Staleness()
	if !freshness.Stale(stale) {
		return ""
	}
	return strconv.Itoa(int(stale / time.Second))
}

type reportHealthInput struct {
	Environment
	Body reportHealthJSON
}

func (a *API) reportHealth(ctx context.Context, in *reportHealthInput) (*serviceOutput, error) {
	environment, err := oneEnvironment(in.Environment.Environment, in.Body.Environment)
	if err != nil {
		return nil, err
	}
	found, err := a.options.Registry.Report(ctx, callOf(ctx).caller, registryapp.Report{
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
	Environment string `query:"environment" doc:"Only what it has there; * is all, needed where it lives in several"`
}

func (a *API) deregisterService(ctx context.Context, in *deregisterServiceInput) (*struct{}, error) {
	return nil, a.options.Registry.Deregister(ctx, callOf(ctx).caller, registryapp.Deregister{
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
	found, err := a.options.Registry.Amend(ctx, callOf(ctx).caller, registryapp.Amend{
		Target: in.target(), Desired: in.Body.Desired, Reason: in.Body.Reason, Weight: in.Body.Weight,
		Metadata: in.Body.Metadata.given(), Tags: in.Body.Tags,
	})
	if err != nil {
		return nil, err
	}
	return &instanceOutput{representObserved(found.Instances[0])}, nil
}

func (a *API) deregisterInstance(ctx context.Context, in *InstanceTarget) (*struct{}, error) {
	return nil, a.options.Registry.DeregisterInstance(ctx, callOf(ctx).caller, in.target())
}

type healthHistoryInput struct {
	ServiceTarget
	InstanceID string `query:"instance_id" doc:"Only of this instance"`
	Environment
	Limit int `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many at most"`
}

type healthHistoryOutput struct {
	Body healthHistoryJSON
}

func (a *API) readHealthHistory(ctx context.Context, in *healthHistoryInput) (*healthHistoryOutput, error) {
	ask := registryapp.HealthHistory{
		ServiceName: in.ServiceName, Environment: in.Environment.Environment, Limit: in.Limit,
	}
	if in.InstanceID != "" {
		ask.InstanceID = &in.InstanceID
	}
	found, err := a.options.Registry.ReadHealthHistory(ctx, callOf(ctx).caller, ask)
	if err != nil {
		return nil, err
	}
	out := &healthHistoryOutput{healthHistoryJSON{History: make([]transitionJSON, len(found))}}
	for i, t := range found {
		out.Body.History[i] = transitionJSON{
			InstanceID: t.Instance.String(), Environment: t.Environment.String(), ChangedAt: stamp(t.At),
			From: t.From.String(), To: t.To.String(), Reason: t.Reason, Damaged: t.Damaged,
		}
	}
	return out, nil
}

// revalidated sets the headers of an answer that callers may hold and have to ask
// for again each time, and answers 304 where they hold it as it is.
func (a *API) revalidated(c *gin.Context, etag []string) bool {
	h := c.Writer.Header()
	h["Cache-Control"] = a.always.noCache
	h["Vary"] = a.always.vary
	h["Etag"] = etag
	held, asked := c.Request.Header["If-None-Match"]
	if !asked || !unchanged(held, etag[0]) {
		return false
	}
	c.Status(http.StatusNotModified)
	return true
}
