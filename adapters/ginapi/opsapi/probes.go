package opsapi

import (
	"context"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
)

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
	if !a.Ready() {
		return nil, rest.ErrNotReady
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
		Service: a.ServiceName,
		Version: a.Version,
		Docs:    docsPath,
		OpenAPI: documentPath,
		Health:  "/health",
	}}, nil
}
