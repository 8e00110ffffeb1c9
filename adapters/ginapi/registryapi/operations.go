package registryapi

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// The paths of the registry. All below registryPath is also below servicesPath.
const (
	registryPath  = rest.BasePath + "/registry"
	servicesPath  = rest.BasePath + "/services"
	servicePath   = registryPath + "/{service_name}"
	instancePath  = servicePath + "/instances/{instance_id}"
	discoveryPath = rest.BasePath + "/discovery/{service_name}"
	prometheusSD  = "/prometheus/sd"
)

const tag = "registry"

// Registry are the use cases of the service registry, as registryapp.Service
// implements them.
type Registry interface {
	Register(ctx context.Context, by access.Caller, in registryapp.Register) (registryapp.Registered, error)
	Report(ctx context.Context, by access.Caller, in registryapp.Report) (registryapp.Reading, error)
	Amend(ctx context.Context, by access.Caller, in registryapp.Amend) (registryapp.Reading, error)
	Deregister(ctx context.Context, by access.Caller, in registryapp.Deregister) error
	DeregisterInstance(ctx context.Context, by access.Caller, in registryapp.Target) error
	Reads
	Discovery
}

// Reads are the use cases that read services.
type Reads interface {
	Read(ctx context.Context, by access.Caller, serviceName string) (registryapp.Reading, error)
	SizeOf(serviceName string) registry.Size
	List(ctx context.Context, by access.Caller, in registryapp.List) (registryapp.Listing, error)
	Healthy(ctx context.Context, by access.Caller) (registryapp.Listing, error)
	ReadHealthHistory(
		ctx context.Context, by access.Caller, in registryapp.HealthHistory,
	) (versioned.Page[registry.Transition], error)
}

// Discovery are the use cases that programs call all the time.
type Discovery interface {
	Heartbeat(ctx context.Context, by access.Caller, in registryapp.Heartbeat) (registryapp.HeartbeatResult, error)
	Heartbeats(ctx context.Context, by access.Caller, in []registryapp.Heartbeat) ([]registryapp.BatchResult, error)
	Discover(by access.Caller, serviceName, environment string) (*catalogue.View, error)
	Everything(by access.Caller, environment, serviceName string) ([]*catalogue.View, error)
	Staleness() time.Duration
}

// API serves the operations of the registry.
type API struct {
	registry Registry
	router   *rest.Router
	// heartbeats are bodies of heartbeats, to be reused.
	heartbeats sync.Pool
}

// New returns the operations over their use cases.
func New(r Registry) *API { return &API{registry: r, heartbeats: sync.Pool{New: newHeartbeatBody}} }

// Register adds the operations to a router.
func (a *API) Register(r *rest.Router) {
	a.router = r
	r.DescribeTag(tag, "Services and their instances, leases, health and discovery.")
	rest.PrefixSchemas[targetGroup](r, "Service")
	r.Constrain(texts())
	r.AddRealm(rest.Realm{Contains: rest.ExactPath(prometheusSD), Authentication: rest.Required})
	a.registerServices(r)
	a.registerInstances(r)
	a.registerHeartbeats(r)
	a.registerDiscovery(r)
}

// examples are bodies of requests, by operation.
func examples() map[string]string {
	return map[string]string{
		"register-service": `{"service_name": "shop", "instance_id": "shop-1", "service_url": "http://10.0.4.7:8080"}`,
		"report-health":    `{"service_name": "shop", "instance_id": "shop-1", "status": "healthy"}`,
		"renew-lease":      `{"lease_epoch": 1}`,
		"renew-leases":     `{"heartbeats": [{"service_name": "shop", "instance_id": "shop-1", "lease_epoch": 1}]}`,
		"amend-instance":   `{"desired": "draining", "reason": "deployment"}`,
	}
}

// operation returns an operation of the registry, with its second path.
func operation(id, method, path, summary string, action access.Action, problems ...int) rest.Operation {
	op := rest.Operation{
		ID: id, Method: method, Path: path, Tag: tag, Summary: summary, Action: action, Problems: problems,
		Example: examples()[id],
	}
	if below, ok := strings.CutPrefix(path, registryPath); ok {
		op.Routes = append(rest.Spellings(path), rest.Spellings(servicesPath+below)...)
	}
	return op
}

func (a *API) registerServices(r *rest.Router) {
	op := operation("register-service", http.MethodPost, registryPath+"/register",
		"Register a service, or an instance of it with a lease", access.WriteService,
		http.StatusConflict, http.StatusServiceUnavailable)
	op.Description = "201 where the service or the instance is new, else 200. Omitted fields are unchanged."
	op.Responses = []rest.Response{rest.JSON[registeredJSON](http.StatusCreated, "Location")}
	rest.Typed(r, op, a.registerService)
	op = operation("list-services", http.MethodGet, registryPath+"/", "List services by name", access.ReadService)
	op.Responses = []rest.Response{rest.JSON[listJSON](http.StatusOK)}
	rest.Typed(r, op, a.listServices)
	op = operation("list-healthy-services", http.MethodGet, registryPath+"/healthy",
		"List all services that are healthy", access.ReadService, http.StatusConflict)
	op.Responses = []rest.Response{rest.JSON[healthyListJSON](http.StatusOK)}
	rest.Typed(r, op, a.listHealthy)
	rest.Typed(r, operation("report-health", http.MethodPut, registryPath+"/health",
		"Report the health of a service or an instance", access.WriteService,
		http.StatusNotFound, http.StatusConflict), a.reportHealth)
	op = operation("read-service", http.MethodGet, servicePath, "Read a service with its instances",
		access.ReadService, http.StatusNotFound, http.StatusConflict)
	op.Responses = []rest.Response{rest.JSON[wholeServiceJSON](http.StatusOK)}
	rest.Typed(r, op, a.readService)
	op = operation("deregister-service", http.MethodDelete, servicePath,
		"Deregister a service and its instances", access.WriteService, http.StatusNotFound, http.StatusConflict)
	op.Description = "In one environment, and as a whole if it has instances in no other. Without an " +
		"environment the whole service is deregistered, which is 409 with the list of " +
		"environments if there are several."
	op.Status = http.StatusNoContent
	rest.Typed(r, op, a.deregisterService)
	rest.Typed(r, operation("read-health-history", http.MethodGet, servicePath+"/health-history",
		"List the transitions of a service's instances of the last 30 days, newest first",
		access.ReadService, http.StatusNotFound, http.StatusConflict), a.readHealthHistory)
}

func (a *API) registerInstances(r *rest.Router) {
	rest.Typed(r, operation("amend-instance", http.MethodPatch, instancePath,
		"Change the desired state or the description of an instance", access.WriteService,
		http.StatusNotFound, http.StatusConflict), a.amendInstance)
	op := operation("deregister-instance", http.MethodDelete, instancePath,
		"Deregister an instance", access.WriteService, http.StatusNotFound, http.StatusConflict)
	op.Status = http.StatusNoContent
	rest.Typed(r, op, a.deregisterInstance)
}

// registerHeartbeats adds what every instance calls all the time.
func (a *API) registerHeartbeats(r *rest.Router) {
	op := operation("renew-lease", http.MethodPut, instancePath+"/heartbeat", "Renew the lease of an instance",
		access.RenewLease, http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable)
	op.Parameters = []*huma.Param{
		rest.PathParam("service_name", ""),
		rest.PathParam("instance_id", ""),
		rest.QueryString("environment", "Where the instance is; lease_epoch says it too"),
	}
	op.Body, op.Responses = rest.BodyOf[heartbeatJSON](), []rest.Response{rest.JSON[beatJSON](http.StatusOK)}
	op.Importance = rest.Vital
	r.Hot(op, a.heartbeat)
	op = operation("renew-leases", http.MethodPost, registryPath+"/heartbeats",
		"Renew the leases of up to 1,000 instances", access.RenewLease,
		http.StatusConflict, http.StatusServiceUnavailable)
	op.Description = "One result for each heartbeat, in order, with the status that a single heartbeat would have had."
	op.Body, op.Responses = rest.BodyOf[heartbeatsJSON](), []rest.Response{rest.JSON[beatsJSON](http.StatusOK)}
	op.Importance = rest.Vital
	r.Hot(op, a.batch)
}

// registerDiscovery adds what programs and Prometheus call all the time.
func (a *API) registerDiscovery(r *rest.Router) {
	op := operation("discover", http.MethodGet, discoveryPath, "List the instances of a service",
		access.ReadService, http.StatusNotFound, http.StatusConflict)
	op.Description = "Ordered by id, from memory. Instances whose lease has expired are left out, unless self-" +
		"preservation keeps them: then Signalbox-Registry-Mode is protected, and observed is " +
		"still true. It is stale while the store is unavailable. Answers 304 if If-None-Match has" +
		" the current ETag."
	op.Parameters = []*huma.Param{
		rest.PathParam("service_name", ""),
		rest.QueryString("environment", "DEFAULT_ENVIRONMENT if not given"),
		rest.QueryBool("ready", "Only those that are ready, and those that self-preservation keeps"),
		rest.QueryString("zone", ""),
		rest.QueryString("tag", ""),
		rest.QueryString("version", ""),
		rest.HeaderParam("If-None-Match", ""),
	}
	op.Responses = []rest.Response{
		rest.JSON[[]instanceJSON](http.StatusOK, "ETag", modeHeader, "Signalbox-Stale"),
		{Status: http.StatusNotModified},
	}
	r.Hot(op, a.discover)
	op = operation("prometheus-targets", http.MethodGet, prometheusSD,
		"List all instances as targets of Prometheus' HTTP service discovery", access.ReadService,
		http.StatusConflict)
	op.Description = "One group for each instance that has a port, ordered by service, environment and id; unhealthy " +
		"ones and those that drain too. Labels begin with __meta_signalbox_."
	op.Parameters = []*huma.Param{
		rest.QueryString("environment", "All if not given"),
		rest.QueryString("service", "Only this service"),
		rest.QueryBool("ready", "Only those that are ready, and those that self-preservation keeps"),
	}
	op.Responses = []rest.Response{
		rest.JSON[[]targetGroup](http.StatusOK, modeHeader, "Signalbox-Stale"),
	}
	r.Handle(op, a.prometheusTargets)
}
