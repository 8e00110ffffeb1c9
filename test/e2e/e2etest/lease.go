package e2etest

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Heartbeat is the response to a heartbeat.
type Heartbeat struct {
	Epoch     int64 `json:"lease_epoch"`
	ExpiresIn int64 `json:"expires_in_ms"`
}

// HeartbeatBatch is the response to a batch of heartbeats.
type HeartbeatBatch struct {
	Results []HeartbeatResult `json:"results"`
}

// HeartbeatResult is the result of one heartbeat of a batch.
type HeartbeatResult struct {
	Service   string `json:"service_name"`
	Instance  string `json:"instance_id"`
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Epoch     int64  `json:"lease_epoch"`
	ExpiresIn int64  `json:"expires_in_ms"`
}

// TransitionPage is a page of a service's health history.
type TransitionPage struct {
	History []Transition `json:"history"`
}

// Transition is a change of an instance's observed state.
type Transition struct {
	Instance string    `json:"instance_id"`
	At       time.Time `json:"changed_at"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Reason   string    `json:"reason"`
}

// Heartbeat sends a heartbeat with further fields.
func (c Client) Heartbeat(tb testing.TB, service, id string, epoch int64, more ...Object) Response {
	tb.Helper()
	body := Object{"lease_epoch": epoch}
	for _, m := range more {
		maps.Copy(body, m)
	}
	return c.Put(tb, RegistryPath+service+"/instances/"+id+"/heartbeat", body)
}

// Discover returns the instances that discovery lists.
func (c Client) Discover(tb testing.TB, serviceAndQuery string) []Instance {
	tb.Helper()
	return Decode[[]Instance](tb, c.Get(tb, DiscoveryPath+serviceAndQuery).Want(tb, http.StatusOK))
}

// AwaitDiscovered waits until discovery lists exactly these instances. A replica may
// not have loaded the service yet.
func (c Client) AwaitDiscovered(tb testing.TB, within time.Duration, serviceAndQuery string, want ...string) {
	tb.Helper()
	require.Eventually(tb, func() bool {
		a := c.Get(tb, DiscoveryPath+serviceAndQuery)
		listed, err := Parse[[]Instance](a)
		return a.Status == http.StatusOK && err == nil && slices.Equal(want, InstanceIDs(listed))
	}, within, PollInterval, "%s lists other instances than %v", serviceAndQuery, want)
}

// Transitions returns the health history of a service, newest first.
func (c Client) Transitions(tb testing.TB, serviceAndQuery string) []Transition {
	tb.Helper()
	a := c.Get(tb, RegistryPath+serviceAndQuery).Want(tb, http.StatusOK)
	return Decode[TransitionPage](tb, a).History
}
