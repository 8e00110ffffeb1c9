package opsapi

import (
	"context"
	"net/http"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/ports"
)

// Relay reports how far changes were published, as relay.Service does.
type Relay interface {
	Status(ctx context.Context) (relay.Status, error)
}

// Pinger reports whether a dependency responds.
type Pinger interface {
	// Ping returns nil when the dependency responds before ctx ends.
	Ping(ctx context.Context) error
}

// Dependencies are what the operations report on.
type Dependencies struct {
	// ServiceName and Version are those of this process.
	ServiceName, Version string
	// Ready reports whether the process serves requests.
	Ready    func() bool
	Database Pinger
	// Redis and Kafka are nil where they are disabled.
	Redis, Kafka Pinger
	Relay        Relay
	// Conditions report what an operator has to act on.
	Conditions []ports.Conditions
	Clock      ports.Clock
}

// API serves the operations.
type API struct {
	Dependencies

	router *rest.Router
	// checked is the last health document.
	checked checkedHealth
}

// New returns the operations.
func New(d Dependencies) *API { return &API{Dependencies: d} }

// Register adds the operations to a router.
func (a *API) Register(r *rest.Router) {
	a.router = r
	r.DescribeTag("service", "The state of the service itself.")
	rest.PrefixSchemas[healthJSON](r, "System")
	r.AddRealm(rest.Realm{Contains: rest.ExactPath(healthPath), Authentication: rest.Optional})
	health := probe("health", healthPath, "Report the health of the service and its dependencies")
	health.Responses = []rest.Response{rest.JSON[healthJSON](http.StatusServiceUnavailable)}
	rest.Typed(r, health, a.health)
	rest.Typed(r, probe("livez", "/livez", "Report that the process runs"), a.live)
	rest.Typed(r, probe("readyz", "/readyz", "Report whether the process accepts requests"), a.readiness)
	rest.Typed(r, operation("index", "/", "Describe the service, with links to its parts"), a.index)
	a.registerDocs(r)
}

func operation(id, path, summary string) rest.Operation {
	return rest.Operation{ID: id, Method: http.MethodGet, Path: path, Tag: "service", Summary: summary, Open: true}
}

// probe is an operation that no limit refuses.
func probe(id, path, summary string) rest.Operation {
	op := operation(id, path, summary)
	op.Importance = rest.Probe
	return op
}
