package ginapi

import (
	"context"
	"net/http"
	"reflect"
	"sync"
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
	Status   string `json:"status" enum:"healthy,degraded,unhealthy"`
	Service  string `json:"service"`
	Version  string `json:"version"`
	Database string `json:"database" enum:"healthy,unhealthy"`
	Redis    string `json:"redis" enum:"healthy,degraded,unhealthy,disabled"`
	Kafka    string `json:"kafka" enum:"healthy,degraded,unhealthy,disabled"`
	// Feed is left out where the database cannot tell.
	Feed *feedJSON `json:"feed,omitempty"`
	// Conditions are left out where there are none.
	Conditions []healthConditionJSON `json:"conditions,omitempty" doc:"What an operator has to act on"`
	Timestamp  string                `json:"timestamp" format:"date-time"`
}

// healthConditionJSON is a condition that holds now.
type healthConditionJSON struct {
	Name    string `json:"name" doc:"The kind of condition"`
	Message string `json:"message" doc:"What is wrong, and what to do"`
	Count   int64  `json:"count,omitempty" doc:"How many things are concerned"`
}

// conditions returns what all parts report, in the order of the parts.
func (a *API) conditions() []healthConditionJSON {
	var list []healthConditionJSON
	for _, part := range a.options.Conditions {
		for _, c := range part() {
			list = append(list, healthConditionJSON{Name: c.Name, Message: c.Message, Count: c.Count})
		}
	}
	return list
}

// feedJSON says how far changes were published.
type feedJSON struct {
	Epoch     string  `json:"epoch" doc:"Names the history that revisions belong to"`
	Revision  int64   `json:"revision" doc:"The last change"`
	Published int64   `json:"published" doc:"The last change that was published, or parked"`
	Pending   int64   `json:"pending" doc:"How many changes wait to be published"`
	OldestAge float64 `json:"oldest_age_seconds" doc:"Since when the oldest of them waits"`
	Parked    int     `json:"parked" doc:"How many resources wait for 'signalbox relay retry' or 'skip'"`
}

// lateAfter is how long a change may wait before the service is degraded.
const lateAfter = 5 * time.Second

// health asks the database, without which the service is not healthy: 503; and
// Redis and Kafka, without which it is degraded. It asks them all at once.
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
	var asking sync.WaitGroup
	for state, pinger := range map[*string]Pinger{
		&out.Body.Database: a.options.Database, &out.Body.Redis: a.options.Redis, &out.Body.Kafka: a.options.Kafka,
	} {
		if pinger == nil {
			continue
		}
		asking.Go(func() {
			*state = healthy
			if pinger.Ping(ctx) != nil {
				*state = unhealthy
			}
		})
	}
	asking.Go(func() { out.Body.Feed = a.feedHealth(ctx) })
	asking.Wait()
	out.Body.Conditions = a.conditions()
	out.Body.conclude()
	if out.Body.Status == unhealthy {
		out.Status = http.StatusServiceUnavailable
	}
	return out, nil
}

func (a *API) feedHealth(ctx context.Context) *feedJSON {
	status, err := a.options.Relay.Status(ctx)
	if err != nil {
		return nil
	}
	return &feedJSON{
		Epoch: status.Epoch, Revision: status.Head, Published: status.Published, Pending: status.Pending(),
		OldestAge: status.OldestAge.Seconds(), Parked: len(status.Parked),
	}
}

// conclude says how the service is from how its parts are.
func (h *healthJSON) conclude() {
	late := h.Feed != nil && (h.Feed.Parked > 0 || h.Feed.OldestAge > lateAfter.Seconds())
	if late && h.Kafka == healthy {
		h.Kafka = degraded
	}
	switch {
	case h.Database == unhealthy:
		h.Status = unhealthy
	case h.Redis == unhealthy, h.Kafka == unhealthy, late, len(h.Conditions) > 0:
		h.Status = degraded
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
