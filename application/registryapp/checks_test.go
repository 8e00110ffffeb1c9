package registryapp_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// checkEvery is how often due checks are started.
const checkEvery = 100 * time.Millisecond

// checked registers an instance whose health is checked every second.
func (b *bundle) checked(t *testing.T, id, host string) {
	t.Helper()
	b.checkedOf(t, shop, id, host)
}

// checkedOf is checked for a service.
func (b *bundle) checkedOf(t *testing.T, service, id, host string) {
	t.Helper()
	in := registration(id)
	in.ServiceName = service
	in.ServiceURL = new("http://" + host + ":8080")
	in.TTLSeconds = new(3600)
	in.Check = &health.Spec{Type: "http", Path: "/up", IntervalSeconds: new(1)}
	_, err := b.Register(t.Context(), fixture.Admin(), in)
	require.NoError(t, err)
}

// check advances the time, and makes the checks that become due.
func (b *bundle) check(t *testing.T, d time.Duration, replicas ...*registryapp.Service) {
	t.Helper()
	if len(replicas) == 0 {
		replicas = []*registryapp.Service{b.Service}
	}
	for passed := time.Duration(0); passed < d; passed += checkEvery {
		b.pass(checkEvery)
		for _, s := range replicas {
			require.NoError(t, s.Refresh(t.Context()))
			s.Check(t.Context())
			s.Settle()
		}
	}
}

// observed returns the observed status of an instance.
func observed(t *testing.T, s *registryapp.Service, id string) health.Status {
	t.Helper()
	return instance(t, s, id).Observed()
}

func TestChecks(t *testing.T) {
	t.Parallel()

	t.Run("a status changes after two passing or three failing checks, with a reason", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		passes := true
		b.prober.answer = func(context.Context, health.Probe) bool { return passes }
		b.checked(t, "a", "a.internal")
		b.check(t, 3*time.Second)
		passes = false
		b.check(t, 2*time.Second)
		assert.Equal(t, health.Passing, observed(t, b.Service, "a"))
		b.check(t, time.Second)
		assert.Equal(t, health.Critical, observed(t, b.Service, "a"))
		assert.Equal(t, "check_failed:refused", instance(t, b.Service, "a").Reason)
		passes = true
		b.check(t, time.Second)
		assert.Equal(t, health.Critical, observed(t, b.Service, "a"))
		b.check(t, time.Second)
		assert.Equal(t, health.Passing, observed(t, b.Service, "a"))
	})

	t.Run("counting restarts with a report, and the latest evidence wins", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		passes := true
		b.prober.answer = func(context.Context, health.Probe) bool { return passes }
		b.checked(t, "a", "a.internal")
		b.check(t, 3*time.Second)
		report := func(status string) {
			_, err := b.Report(t.Context(), fixture.Admin(), registryapp.Report{
				ServiceName: shop, InstanceID: new("a"), Status: status,
			})
			require.NoError(t, err)
		}
		passes = false
		b.check(t, 2*time.Second)
		report("passing")
		b.check(t, 2*time.Second)
		assert.Equal(t, health.Passing, observed(t, b.Service, "a"), "two failed before the report, two after")
		b.check(t, time.Second)
		assert.Equal(t, health.Critical, observed(t, b.Service, "a"))
		report("warning")
		assert.Equal(t, health.Warning, observed(t, b.Service, "a"))
		passes = true
		b.check(t, 10*time.Second)
		assert.Equal(t, health.Warning, observed(t, b.Service, "a"), "a passing check does not override a warning")
	})

	t.Run("checks that fail at once mark no instance critical", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for n := range 10 {
			b.checked(t, fmt.Sprintf("i-%d", n), fmt.Sprintf("host-%d", n))
		}
		b.check(t, 3*time.Second)
		var failingHosts sync.Map
		b.prober.answer = func(_ context.Context, p health.Probe) bool {
			_, failing := failingHosts.Load(p.Host)
			return !failing
		}
		failingHosts.Store("host-0", true)
		failingHosts.Store("host-1", true)
		b.check(t, 5*time.Second)
		assert.Equal(t, health.Critical, observed(t, b.Service, "i-0"), "two of ten")
		for n := 2; n < 8; n++ {
			failingHosts.Store(fmt.Sprintf("host-%d", n), true)
		}
		b.check(t, 20*time.Second)
		for n := 2; n < 8; n++ {
			assert.Equal(t, health.Passing, observed(t, b.Service, fmt.Sprintf("i-%d", n)), "six of ten at once")
		}
		b.check(t, 11*time.Minute)
		assert.Equal(t, health.Critical, observed(t, b.Service, "i-5"), "after ten minutes")
	})

	t.Run("a removed instance is not checked", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		checks := map[string]int{}
		b.prober.answer = func(_ context.Context, p health.Probe) bool {
			checks[p.Host]++
			return true
		}
		b.checked(t, "a", "a.internal")
		b.check(t, 3*time.Second)
		require.Positive(t, checks["a.internal"])
		require.NoError(t, b.DeregisterInstance(t.Context(), fixture.Admin(), target("a")))
		before := checks["a.internal"]
		b.check(t, 3*time.Second)
		assert.Equal(t, before, checks["a.internal"])
	})
}

func TestFlapping(t *testing.T) {
	t.Parallel()
	// 20 of 100 instances repeatedly fail three times and pass twice: each is a transition as
	// soon as one is possible.
	b := setup(t)
	passes := func(p health.Probe) bool {
		flapping := strings.HasPrefix(p.Host, "flapping")
		return !flapping || b.elapsed.Elapsed() > 5*time.Minute || int(b.elapsed.Elapsed()/time.Second)%5 >= 3
	}
	b.prober.answer = func(_ context.Context, p health.Probe) bool { return passes(p) }
	for n := range 80 {
		b.checked(t, fmt.Sprintf("steady-%02d", n), fmt.Sprintf("steady-%02d", n))
	}
	for n := range 20 {
		b.checked(t, fmt.Sprintf("flapping-%02d", n), fmt.Sprintf("flapping-%02d", n))
	}
	b.check(t, 5*time.Minute)
	changes := map[string]int{}
	for _, e := range b.store.Outbox() {
		if e.Type == registry.InstanceHealthChanged {
			changes[e.Data["instance_id"].(string)]++
		}
	}
	for n := range 80 {
		assert.Zero(t, changes[fmt.Sprintf("steady-%02d", n)])
	}
	for n := range 20 {
		id := fmt.Sprintf("flapping-%02d", n)
		// Of 120 transitions, those below the bound and the last one.
		assert.LessOrEqual(t, changes[id], 6, id)
		i := instance(t, b.Service, id)
		assert.True(t, i.Flapping, id)
		assert.Equal(t, health.Passing, i.Observed(), "the last passing state stays")
	}
	b.check(t, 6*time.Minute)
	for n := range 20 {
		i := instance(t, b.Service, fmt.Sprintf("flapping-%02d", n))
		assert.False(t, i.Flapping)
		assert.Equal(t, health.Passing, i.Observed())
	}
}

func TestOwnershipOfChecks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	checks := map[string]int{}
	b.prober.answer = func(_ context.Context, p health.Probe) bool {
		mu.Lock()
		defer mu.Unlock()
		checks[p.Host]++
		return true
	}
	for n := range 40 {
		b.checked(t, fmt.Sprintf("i-%02d", n), fmt.Sprintf("host-%02d", n))
	}
	other := b.replica(t, "replica-2")
	b.check(t, 5*time.Second, b.Service, other)
	clear(checks)
	b.check(t, 10*time.Second, b.Service, other)
	require.Len(t, checks, 40)
	for host, times := range checks {
		assert.InDelta(t, 10, times, 1, "%s is checked once a second", host)
	}

	clear(checks)
	b.check(t, 10*time.Second, other)
	assert.Len(t, checks, 40, "a replica takes over the checks of another one that is no longer announced")
}

func TestBoundsOfChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		var mu sync.Mutex
		running, perHost := 0, map[string]int{}
		release := make(chan struct{})
		for n := range 90 {
			b.checkedOf(t, fmt.Sprintf("one-%02d", n), "a", fmt.Sprintf("host-%02d", n))
		}
		for n := range 10 {
			b.checked(t, fmt.Sprintf("same-%02d", n), "shared")
		}
		b.check(t, 3*time.Second) // so that they are fast
		b.prober.answer = func(_ context.Context, p health.Probe) bool {
			mu.Lock()
			running++
			perHost[p.Host]++
			mu.Unlock()
			<-release
			return true
		}
		for range 30 {
			b.pass(checkEvery)
			b.Check(t.Context())
			synctest.Wait()
		}
		assert.Equal(t, 64, running)
		assert.LessOrEqual(t, perHost["shared"], 4)
		close(release)
		b.Settle()
		for range 10 {
			b.pass(checkEvery)
			b.Check(t.Context())
			b.Settle()
		}
		assert.Len(t, perHost, 91, "the waiting ones are next")
	})
}
