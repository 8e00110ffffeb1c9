package e2e_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// leaseStep is how often a test looks whether a lease has ended.
const leaseStep = 20 * time.Millisecond

// beatShown is a lease that was renewed.
type beatShown struct {
	Epoch     int64 `json:"lease_epoch"`
	ExpiresIn int64 `json:"expires_in_ms"`
}

// beatsShown is what became of many heartbeats.
type beatsShown struct {
	Results []listedBeatShown `json:"results"`
}

// listedBeatShown is what became of one of them.
type listedBeatShown struct {
	Service   string `json:"service_name"`
	Instance  string `json:"instance_id"`
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Epoch     int64  `json:"lease_epoch"`
	ExpiresIn int64  `json:"expires_in_ms"`
}

// transitionsShown is a health history.
type transitionsShown struct {
	History []transitionShown `json:"history"`
}

// transitionShown is a change of what is observed of an instance.
type transitionShown struct {
	Instance string    `json:"instance_id"`
	At       time.Time `json:"changed_at"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Reason   string    `json:"reason"`
}

// beat sends a heartbeat, with more of the body.
func (c client) beat(tb testing.TB, service, id string, epoch int64, more ...object) answer {
	tb.Helper()
	body := object{"lease_epoch": epoch}
	for _, m := range more {
		maps.Copy(body, m)
	}
	return c.put(tb, registryPath+service+"/instances/"+id+"/heartbeat", body)
}

// discovers returns the instances of a service that discovery lists.
func (c client) discovers(tb testing.TB, serviceAndQuery string) []instanceShown {
	tb.Helper()
	return decode[[]instanceShown](tb, c.get(tb, discoveryPath+serviceAndQuery).want(tb, http.StatusOK))
}

// awaitListed waits until discovery lists exactly these instances. A replica may
// not know the service yet.
func (c client) awaitListed(tb testing.TB, within time.Duration, serviceAndQuery string, want ...string) {
	tb.Helper()
	require.Eventually(tb, func() bool {
		a := c.get(tb, discoveryPath+serviceAndQuery)
		listed, err := parse[[]instanceShown](a)
		return a.status == http.StatusOK && err == nil && slices.Equal(want, ids(listed))
	}, within, leaseStep, "%s lists other instances than %v", serviceAndQuery, want)
}

// transitions reads the health history of a service, newest first.
func (c client) transitions(tb testing.TB, serviceAndQuery string) []transitionShown {
	tb.Helper()
	a := c.get(tb, registryPath+serviceAndQuery).want(tb, http.StatusOK)
	return decode[transitionsShown](tb, a).History
}

func TestLeaseEpochs(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			c := boot(t, store.fresh(t)).admin(t)
			made := c.enrol(t, "shop", "a")
			require.Equal(t, "a", *made.InstanceID)
			require.Equal(t, int64(1), *made.Epoch)
			require.Equal(t, int64(30), *made.TTL, "what is not given is half a minute")
			require.Equal(t, int64(300), *c.service(t, "shop").Instances[0].Deregister)

			got := decode[beatShown](t, c.beat(t, "shop", "a", 1).want(t, http.StatusOK))
			require.Equal(t, beatShown{Epoch: 1, ExpiresIn: 30_000}, got)
			c.beat(t, "shop", "a", 2).problem(t, http.StatusConflict, "lease_lost")

			// Whoever registers again has replaced the one before.
			again := c.registers(t, http.StatusOK, object{"service_name": "shop", "instance_id": "a", "ttl_seconds": 5})
			require.Equal(t, int64(2), *again.Epoch)
			require.Equal(t, int64(5), *again.TTL)
			require.Equal(t, made.ID, again.ID)
			c.beat(t, "shop", "a", 1).problem(t, http.StatusConflict, "lease_lost")
			got = decode[beatShown](t, c.beat(t, "shop", "a", 2).want(t, http.StatusOK))
			require.Equal(t, beatShown{Epoch: 2, ExpiresIn: 5_000}, got)
			shown := c.service(t, "shop").Instances[0]
			require.Equal(t, "http://10.0.4.7:8080", *shown.URL, "what is not named stays")
			require.Equal(t, int64(50), *shown.Deregister, "it follows the TTL where it is not given")
			require.Equal(t, int64(2), *shown.Epoch)

			// The epoch goes on when the instance is away, and when the service is.
			c.delete(t, registryPath+"shop/instances/a").want(t, http.StatusNoContent)
			c.delete(t, registryPath+"shop/instances/a").problem(t, http.StatusNotFound, "instance_not_found")
			c.beat(t, "shop", "a", 2).problem(t, http.StatusNotFound, "instance_not_found")
			require.Equal(t, int64(3), *c.enrol(t, "shop", "a").Epoch)
			c.delete(t, registryPath+"shop").want(t, http.StatusNoContent)
			c.beat(t, "shop", "a", 3).problem(t, http.StatusNotFound, "service_not_found")
			back := c.enrol(t, "shop", "a")
			require.Equal(t, int64(4), *back.Epoch)
			require.Equal(t, made.ID, back.ID)
			require.Greater(t, back.Version, again.Version)
			c.beat(t, "shop", "a", 3).problem(t, http.StatusConflict, "lease_lost")
			c.beat(t, "shop", "a", 4).want(t, http.StatusOK)
		})
	}
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			c := boot(t, store.fresh(t)).admin(t)
			c.enrol(t, "shop", "a", object{"ttl_seconds": 60})
			c.enrol(t, "shop", "b:1.2_x-y")
			c.registers(t, http.StatusCreated, object{"service_name": "plain", "service_url": "http://plain"})

			c.beat(t, "nobody", "a", 1).problem(t, http.StatusNotFound, "service_not_found")
			c.beat(t, "shop", "nobody", 1).problem(t, http.StatusNotFound, "instance_not_found")
			c.beat(t, "plain", "default", 1).problem(t, http.StatusConflict, "no_lease")
			c.beat(t, "shop", "b:1.2_x-y", 2).want(t, http.StatusOK)

			// A heartbeat may report, and counts at once.
			c.beat(t, "shop", "a", 1, object{"status": "critical", "response_time": 7.5}).want(t, http.StatusOK)
			require.Equal(t, []string{"b:1.2_x-y"}, ids(c.discovers(t, "shop?ready=true")))
			require.Equal(t, []string{"a", "b:1.2_x-y"}, ids(c.discovers(t, "shop")))
			require.Equal(t, "critical", c.discovers(t, "shop")[0].Observed)
			c.beat(t, "shop", "a", 1).want(t, http.StatusOK)
			require.Equal(t, "critical", c.discovers(t, "shop")[0].Observed, "one that says nothing changes nothing")
			c.beat(t, "shop", "a", 1, object{"status": "healthy"}).want(t, http.StatusOK)
			require.Equal(t, "passing", c.discovers(t, "shop?ready=true")[0].Observed)

			// Each of a batch has the answer that it alone would have had.
			of := func(service, id string, epoch int64) object {
				return object{"service_name": service, "instance_id": id, "lease_epoch": epoch}
			}
			worse := of("shop", "b:1.2_x-y", 2)
			worse["status"] = "warning"
			a := c.post(t, registryPath+"heartbeats", object{"heartbeats": []object{
				of("shop", "a", 1), of("shop", "a", 2), of("shop", "nobody", 1), of("nobody", "a", 1), of("shop", "a", 0),
				worse, of("plain", "default", 1),
			}}).want(t, http.StatusOK)
			require.Equal(t, []listedBeatShown{
				{Service: "shop", Instance: "a", Status: 200, Epoch: 1, ExpiresIn: 60_000},
				{Service: "shop", Instance: "a", Status: 409, Code: "lease_lost"},
				{Service: "shop", Instance: "nobody", Status: 404, Code: "instance_not_found"},
				{Service: "nobody", Instance: "a", Status: 404, Code: "service_not_found"},
				{Service: "shop", Instance: "a", Status: 422, Code: "validation_failed"},
				{Service: "shop", Instance: "b:1.2_x-y", Status: 200, Epoch: 2, ExpiresIn: 30_000},
				{Service: "plain", Instance: "default", Status: 409, Code: "no_lease"},
			}, decode[beatsShown](t, a).Results)
			require.Equal(t, "warning", c.discovers(t, "shop")[1].Observed)
			require.True(t, c.discovers(t, "shop")[1].Ready, "a warning serves")
		})
	}
}

// TestLeaseEnd lets a lease end, be revived, end again, and be removed.
func TestLeaseEnd(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			c := boot(t, store.fresh(t)).admin(t)
			const ttl = time.Second
			lease := object{"ttl_seconds": 1, "deregister_after_seconds": 3}
			began := time.Now()
			c.enrol(t, "shop", "a", lease)
			require.Equal(t, []string{"a"}, ids(c.discovers(t, "shop")))
			c.awaitListed(t, patience, "shop")
			took := time.Since(began)
			t.Logf("a lease of %s left discovery after %s", ttl, took)
			require.GreaterOrEqual(t, took, ttl, "it may not end before")
			require.Less(t, took, ttl+time.Second+slack, "it leaves discovery within TTL + 1 s")
			a := c.get(t, discoveryPath+"shop").want(t, http.StatusOK)
			require.JSONEq(t, `[]`, string(a.body), "nobody is there, and that is the truth")
			require.Empty(t, a.header.Values("Signalbox-Registry-Mode"))
			whole := c.service(t, "shop")
			require.Equal(t, "unhealthy", whole.Status)
			require.Equal(t, "critical", whole.Instances[0].Observed)
			require.Equal(t, "lease_expired", whole.Instances[0].Reason)
			require.False(t, whole.Instances[0].Held)

			// A late heartbeat brings it back, and its lease ends again.
			c.beat(t, "shop", "a", 1).want(t, http.StatusOK)
			require.Equal(t, []string{"a"}, ids(c.discovers(t, "shop?ready=true")))
			require.Equal(t, "healthy", c.service(t, "shop").Status)
			c.awaitListed(t, ttl+time.Second+slack, "shop")

			require.Eventually(t, func() bool { return len(c.service(t, "shop").Instances) == 0 }, patience, leaseStep,
				"it is removed after deregister_after_seconds")
			c.beat(t, "shop", "a", 1).problem(t, http.StatusNotFound, "instance_not_found")
			require.Equal(t, int64(2), *c.enrol(t, "shop", "a", lease).Epoch)

			var told []transitionShown
			for _, one := range c.transitions(t, "shop/health-history") {
				require.WithinDuration(t, time.Now(), one.At, patience)
				one.At = time.Time{}
				told = append(told, one)
			}
			require.Equal(t, []transitionShown{
				{Instance: "a", From: "unknown", To: "passing", Reason: "registered"},
				{Instance: "a", From: "critical", To: "unknown", Reason: "lease_expired"},
				{Instance: "a", From: "passing", To: "critical", Reason: "lease_expired"},
				{Instance: "a", From: "critical", To: "passing", Reason: "lease_renewed"},
				{Instance: "a", From: "passing", To: "critical", Reason: "lease_expired"},
				{Instance: "a", From: "unknown", To: "passing", Reason: "registered"},
			}, told)
		})
	}
}

// slack is what a busy machine may add to a time that is promised.
const slack = 2 * time.Second

// TestLeaseKept renews a lease of one second for three of them: it never leaves.
func TestLeaseKept(t *testing.T) {
	t.Parallel()
	c := boot(t, freshSQLite(t)).admin(t)
	c.enrol(t, "shop", "a", object{"ttl_seconds": 1})
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for range 12 {
		<-tick.C
		c.beat(t, "shop", "a", 1).want(t, http.StatusOK)
		require.Equal(t, []string{"a"}, ids(c.discovers(t, "shop?ready=true")))
	}
	require.Len(t, c.transitions(t, "shop/health-history"), 1)
}

// TestPreservation lets the leases of four in five instances end at once: they stay
// listed, with what is true of them, and come back with their heartbeats.
func TestPreservation(t *testing.T) {
	t.Parallel()
	c := boot(t, freshSQLite(t)).admin(t)
	all := []string{"a", "b", "c", "d", "e"}
	for _, id := range all {
		ttl := 1
		if id == "e" {
			ttl = 60
		}
		c.enrol(t, "shop", id, object{"ttl_seconds": ttl})
	}
	held := func() (n int) {
		for _, i := range c.discovers(t, "shop?ready=true") {
			if i.Held {
				require.Equal(t, "critical", i.Observed)
				require.False(t, i.Ready, "nothing is falsified")
				n++
			}
		}
		return n
	}
	require.Eventually(t, func() bool { return held() == 4 }, patience, leaseStep)
	a := c.get(t, discoveryPath+"shop?ready=true").want(t, http.StatusOK)
	require.Equal(t, "protected", a.header.Get("Signalbox-Registry-Mode"))
	require.Equal(t, all, ids(decode[[]instanceShown](t, a)))
	require.Equal(t, "protected", c.get(t, registryPath+"shop").header.Get("Signalbox-Registry-Mode"))

	for _, id := range all[:4] {
		c.registers(t, http.StatusOK, object{"service_name": "shop", "instance_id": id, "ttl_seconds": 60})
	}
	require.Zero(t, held())
	require.Eventually(t, func() bool {
		a := c.get(t, discoveryPath+"shop?ready=true").want(t, http.StatusOK)
		return a.header.Get("Signalbox-Registry-Mode") == ""
	}, patience, leaseStep, "it ends by itself")
	require.Equal(t, all, ids(c.discovers(t, "shop?ready=true")))
}
