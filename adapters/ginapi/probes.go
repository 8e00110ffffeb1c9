package ginapi

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// routeProbes registers what balancers, orchestrators and visitors ask. None of
// it needs a key.
func (a *API) routeProbes() {
	op := a.openOperation("health", healthPath, "How the service and what it stands on are")
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
