package ginapi

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// pingTimeout is how long /health waits for the database.
const pingTimeout = time.Second

// The states of a part, as /health names them.
const (
	healthy   = "healthy"
	unhealthy = "unhealthy"
	degraded  = "degraded"
	disabled  = "disabled"
)

// routeProbes registers what balancers, orchestrators and visitors ask. None of
// it needs a key.
func (a *API) routeProbes() {
	op := a.openOperation("health", "/health", "How the service and what it stands on are")
	op.Responses["503"] = a.jsonResponse(http.StatusServiceUnavailable, reflect.TypeFor[healthJSON]())
	register(a, op, a.health)
	register(a, a.openOperation("livez", "/livez", "Whether the process runs"), a.live)
	register(a, a.openOperation("readyz", "/readyz", "Whether the process takes requests"), a.readiness)
	register(a, a.openOperation("index", "/", "What this service is, and where to go on"), a.index)
}

func (a *API) openOperation(id, path, summary string) huma.Operation {
	return huma.Operation{
		OperationID: id,
		Method:      http.MethodGet,
		Path:        path,
		Summary:     summary,
		Tags:        []string{"service"},
		Security:    []map[string][]string{},
		Responses:   a.problemResponses(),
	}
}

type healthOutput struct {
	Status int
	Body   healthJSON
}

// healthJSON says how the service and its parts are.
type healthJSON struct {
	Status    string `json:"status" enum:"healthy,degraded,unhealthy"`
	Service   string `json:"service"`
	Version   string `json:"version"`
	Database  string `json:"database" enum:"healthy,unhealthy"`
	Redis     string `json:"redis" enum:"healthy,degraded,unhealthy,disabled"`
	Kafka     string `json:"kafka" enum:"healthy,degraded,unhealthy,disabled"`
	Timestamp string `json:"timestamp" format:"date-time"`
}

// health asks the database, without which the service is not healthy: 503; and
// Redis, without which it is degraded.
func (a *API) health(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	out := &healthOutput{Status: http.StatusOK, Body: healthJSON{
		Status:    healthy,
		Service:   a.options.ServiceName,
		Version:   a.options.Version,
		Database:  healthy,
		Redis:     disabled,
		Kafka:     disabled,
		Timestamp: stamp(a.options.Clock.Now()),
	}}
	if a.options.Redis != nil {
		out.Body.Redis = healthy
		if err := a.options.Redis.Ping(ctx); err != nil {
			out.Body.Status, out.Body.Redis = degraded, unhealthy
		}
	}
	if err := a.options.Database.Ping(ctx); err != nil {
		out.Status = http.StatusServiceUnavailable
		out.Body.Status, out.Body.Database = unhealthy, unhealthy
	}
	return out, nil
}

type probeOutput struct {
	Body probeJSON
}

// probeJSON is a probe that went well.
type probeJSON struct {
	Status string `json:"status"`
}

func (a *API) live(context.Context, *struct{}) (*probeOutput, error) {
	return &probeOutput{probeJSON{Status: "alive"}}, nil
}

func (a *API) readiness(context.Context, *struct{}) (*probeOutput, error) {
	if !a.ready.Load() {
		return nil, ErrNotReady
	}
	return &probeOutput{probeJSON{Status: "ready"}}, nil
}

type indexOutput struct {
	Body indexJSON
}

// indexJSON names the service and the pages that a visitor may want.
type indexJSON struct {
	Service string `json:"service"`
	Version string `json:"version"`
	Docs    string `json:"docs"`
	OpenAPI string `json:"openapi"`
	Health  string `json:"health"`
}

func (a *API) index(context.Context, *struct{}) (*indexOutput, error) {
	return &indexOutput{indexJSON{
		Service: a.options.ServiceName,
		Version: a.options.Version,
		Docs:    docsPath,
		OpenAPI: documentPath,
		Health:  "/health",
	}}, nil
}
