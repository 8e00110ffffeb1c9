package e2etest

import (
	"maps"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Paths of the registry.
const (
	RegistryPath  = "/api/v1/registry/"
	DiscoveryPath = "/api/v1/discovery/"
)

// Service has the fields of a service, and of the instance that was registered with it,
// that tests check.
type Service struct {
	ID             int64      `json:"id"`
	Name           string     `json:"service_name"`
	URL            string     `json:"service_url"`
	HealthCheckURL *string    `json:"health_check_url"`
	Status         string     `json:"status"`
	LastCheck      *string    `json:"last_health_check"`
	ResponseTime   *float64   `json:"response_time"`
	Average        *float64   `json:"avg_response_time"`
	Metadata       Object     `json:"metadata"`
	Count          int        `json:"instance_count"`
	Version        int64      `json:"version"`
	RegisteredAt   string     `json:"registered_at"`
	Instances      []Instance `json:"instances"`
	InstanceID     *string    `json:"instance_id"`
	Epoch          *int64     `json:"lease_epoch"`
	TTL            *int64     `json:"ttl_seconds"`
}

// Instance has the fields of an instance that tests check.
type Instance struct {
	ID             string         `json:"instance_id"`
	URL            *string        `json:"url"`
	Host           string         `json:"host"`
	Ports          map[string]int `json:"ports"`
	HealthCheckURL *string        `json:"health_check_url"`
	Environment    string         `json:"environment"`
	Zone           string         `json:"zone"`
	Version        string         `json:"version"`
	Tags           []string       `json:"tags"`
	Metadata       Object         `json:"metadata"`
	Weight         int            `json:"weight"`
	TTL            *int64         `json:"ttl_seconds"`
	Deregister     *int64         `json:"deregister_after_seconds"`
	Desired        string         `json:"desired"`
	DesiredReason  string         `json:"desired_reason"`
	DesiredBy      string         `json:"desired_by"`
	Observed       string         `json:"observed"`
	Serving        bool           `json:"serving"`
	Ready          bool           `json:"ready"`
	Terminating    bool           `json:"terminating"`
	Held           bool           `json:"held"`
	Reason         string         `json:"reason"`
	Epoch          *int64         `json:"lease_epoch"`
}

// ServicePage is a page of services.
type ServicePage struct {
	Services []Service `json:"services"`
	Total    int       `json:"total"`
	Limit    int       `json:"limit"`
	Offset   int       `json:"offset"`
}

// Register sends a registration.
func (c Client) Register(tb testing.TB, status int, body Object) Service {
	tb.Helper()
	a := c.Post(tb, RegistryPath+"register", body).Want(tb, status)
	shown := Decode[Service](tb, a)
	require.Equal(tb, RegistryPath+shown.Name, a.Header.Get("Location"))
	return shown
}

// RegisterInstance registers a new instance with a lease of 30 seconds, with further or
// other fields.
func (c Client) RegisterInstance(tb testing.TB, service, id string, more ...Object) Service {
	tb.Helper()
	body := Object{"service_name": service, "instance_id": id, "service_url": "http://10.0.4.7:8080"}
	for _, m := range more {
		maps.Copy(body, m)
	}
	shown := c.Register(tb, http.StatusCreated, body)
	require.NotNil(tb, shown.Epoch)
	return shown
}

// Service returns a service with its instances.
func (c Client) Service(tb testing.TB, name string) Service {
	tb.Helper()
	return Decode[Service](tb, c.Get(tb, RegistryPath+name).Want(tb, http.StatusOK))
}

// Services returns a page of services.
func (c Client) Services(tb testing.TB, query string) ServicePage {
	tb.Helper()
	return Decode[ServicePage](tb, c.Get(tb, RegistryPath+query).Want(tb, http.StatusOK))
}

// ReportHealth reports the health of a service or of one of its instances.
func (c Client) ReportHealth(tb testing.TB, body Object) Service {
	tb.Helper()
	return Decode[Service](tb, c.Put(tb, RegistryPath+"health", body).Want(tb, http.StatusOK))
}

// Names returns the names of the services in their order.
func (s ServicePage) Names() []string {
	list := make([]string, len(s.Services))
	for i, one := range s.Services {
		list[i] = one.Name
	}
	return list
}

// InstanceIDs returns the ids of instances in their order.
func InstanceIDs(instances []Instance) []string {
	list := make([]string, len(instances))
	for i, one := range instances {
		list[i] = one.ID
	}
	return list
}

// RegisterChecked registers an instance at a host that is checked each second.
func (c Client) RegisterChecked(t *testing.T, service, id, host string, port int, more Object) {
	t.Helper()
	check := Object{"type": "http", "path": "/up", "interval_seconds": 1}
	maps.Copy(check, more)
	c.RegisterInstance(t, service, id, Object{
		"service_url": "http://" + net.JoinHostPort(host, strconv.Itoa(port)), "ttl_seconds": 3600, "check": check,
	})
}

// AwaitReason waits until an instance has that observed state and reason.
func (c Client) AwaitReason(t *testing.T, service, id, observed, reason string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, i := range c.Service(t, service).Instances {
			if i.ID == id {
				return i.Observed == observed && i.Reason == reason
			}
		}
		return false
	}, Timeout, PollInterval, "%s of %s is not %s for %s", id, service, observed, reason)
}

// AwaitStale waits until discovery of the shop is marked as stale for so many seconds. It
// must list exactly these instances meanwhile.
func (c Client) AwaitStale(t *testing.T, seconds int, want ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		a := c.Get(t, DiscoveryPath+"shop").Want(t, http.StatusOK)
		require.Equal(t, want, InstanceIDs(Decode[[]Instance](t, a)))
		mode, stale := a.Header.Get("Signalbox-Registry-Mode"), a.Header.Get("Signalbox-Stale")
		require.Equal(t, stale == "", mode == "", "both headers are set, or neither")
		require.Contains(t, []string{"", "stale"}, mode)
		n, _ := strconv.Atoi(stale)
		return n >= seconds
	}, Timeout, PollInterval)
}

// AwaitFresh waits until discovery of the shop is not marked as stale.
func (c Client) AwaitFresh(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		a := c.Get(t, DiscoveryPath+"shop").Want(t, http.StatusOK)
		return a.Header.Get("Signalbox-Registry-Mode")+a.Header.Get("Signalbox-Stale") == ""
	}, Timeout, PollInterval)
}

// ShortLease is an instance with a lease of one second that is not deregistered soon.
func ShortLease() Object { return Object{"ttl_seconds": 1, "deregister_after_seconds": 3600} }
