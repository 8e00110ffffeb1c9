package opsapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/ports"
)

// healthPath needs no key, and shows details to callers with one.
const healthPath = "/health"

// pingTimeout is how long /health waits for the database.
const pingTimeout = time.Second

// The states of a part, as /health names them.
const (
	healthy   = "healthy"
	unhealthy = "unhealthy"
	degraded  = "degraded"
	disabled  = "disabled"
)

type healthOutput struct {
	Status int
	Body   healthJSON
}

// healthJSON says how the service and its parts are.
type healthJSON struct {
	Status   string `json:"status" enum:"healthy,degraded,unhealthy"`
	Service  string `json:"service"`
	Version  string `json:"version"`
	Database string `json:"database" enum:"healthy,degraded,unhealthy"`
	Redis    string `json:"redis" enum:"healthy,degraded,unhealthy,disabled"`
	Kafka    string `json:"kafka" enum:"healthy,degraded,unhealthy,disabled"`
	// Feed is left out where the database cannot tell, and for callers without a key.
	Feed *feedJSON `json:"feed,omitempty"`
	// Conditions are left out where there are none, and for callers without a key.
	Conditions []healthConditionJSON `json:"conditions,omitempty" doc:"Problems for operators; for callers with a key"`
	Timestamp  string                `json:"timestamp" format:"date-time"`
}

// healthConditionJSON is a condition that holds now.
type healthConditionJSON struct {
	Name    string `json:"name" doc:"The kind of condition"`
	Message string `json:"message" doc:"The error, and what to do"`
	Count   int64  `json:"count,omitempty" doc:"How many resources are affected"`
}

// addConditions takes in what all modules report, in their order.
func (h *healthJSON) addConditions(modules []ports.Conditions) {
	parts := map[string]*string{"database": &h.Database, "redis": &h.Redis, "kafka": &h.Kafka}
	for _, conditions := range modules {
		for _, c := range conditions() {
			h.Conditions = append(h.Conditions, healthConditionJSON{Name: c.Name, Message: c.Message, Count: c.Count})
			if state := parts[c.Part]; state != nil && *state == healthy {
				*state = degraded
			}
		}
	}
}

// feedJSON says how far changes were published.
type feedJSON struct {
	Epoch     string  `json:"epoch" doc:"Identifies the history that the revisions belong to"`
	Revision  int64   `json:"revision" doc:"The last change"`
	Published int64   `json:"published" doc:"The last change that was published, or parked"`
	Pending   int64   `json:"pending" doc:"How many changes wait to be published"`
	OldestAge float64 `json:"oldest_age_seconds" doc:"The time of the oldest of them"`
	Parked    int     `json:"parked" doc:"How many resources wait for 'signalbox relay retry' or 'skip'"`
}

// lateAfter is how long a change may wait before the service is degraded.
const lateAfter = 5 * time.Second

// health answers 503 where the service is not healthy. A caller without a key gets
// no details, which name parts of the installation.
func (a *API) health(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	out := &healthOutput{Status: http.StatusOK, Body: a.checked.get(a.Clock.Now(), a.checkHealth)}
	if out.Body.Status == unhealthy {
		out.Status = http.StatusServiceUnavailable
	}
	if !rest.CallerOf(ctx).May(access.ReadHealth, access.Resource{}) {
		out.Body.Feed, out.Body.Conditions = nil, nil
	}
	return out, nil
}

// healthLifetime is how long a health document is answered again, so that requests
// without a key cost the stores nothing.
const healthLifetime = time.Second

// checkedHealth keeps the last health document. The zero value keeps none.
type checkedHealth struct {
	mu   sync.Mutex
	at   time.Time
	body healthJSON
}

// get returns the last document, or checks where that is older than its lifetime.
// Callers that come meanwhile wait for the check and share it.
func (h *checkedHealth) get(now time.Time, check func(now time.Time) healthJSON) healthJSON {
	h.mu.Lock()
	defer h.mu.Unlock()
	if age := now.Sub(h.at); age < 0 || age >= healthLifetime || h.at.IsZero() {
		h.body, h.at = check(now), now
	}
	return h.body
}

// checkHealth pings the database, without which the service is unhealthy, and Redis
// and Kafka, without which it is degraded. It pings them all at once.
func (a *API) checkHealth(now time.Time) healthJSON {
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	body := healthJSON{
		Status:    healthy,
		Service:   a.ServiceName,
		Version:   a.Version,
		Database:  healthy,
		Redis:     disabled,
		Kafka:     disabled,
		Timestamp: rest.Time(now),
	}
	var asking sync.WaitGroup
	for state, pinger := range map[*string]Pinger{
		&body.Database: a.Database, &body.Redis: a.Redis, &body.Kafka: a.Kafka,
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
	asking.Go(func() { body.Feed = a.feedHealth(ctx) })
	asking.Wait()
	body.addConditions(a.Conditions)
	body.conclude()
	return body
}

func (a *API) feedHealth(ctx context.Context) *feedJSON {
	status, err := a.Relay.Status(ctx)
	if err != nil {
		return nil
	}
	return &feedJSON{
		Epoch: status.Epoch, Revision: status.Head, Published: status.Published, Pending: status.Pending(),
		OldestAge: status.OldestAge.Seconds(), Parked: int(status.Parked),
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
