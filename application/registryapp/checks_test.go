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

// checkEvery is how often due checks are begun.
const checkEvery = 100 * time.Millisecond

// checked registers an instance whose health is checked every second.
func (b *bundle) checked(t *testing.T, id, host string) {
	t.Helper()
	b.checkedOf(t, shop, id, host)
}

// checkedOf registers one of another service.
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

// check lets time go by, with the checks that become due.
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

// observed returns what is observed of an instance.
func observed(t *testing.T, s *registryapp.Service, id string) health.Status {
	t.Helper()
	return instance(t, s, id).Observed()
}

func TestChecks(t *testing.T) {
	t.Parallel()

	t.Run("a state changes after two that pass or three that fail, and says why", func(t *testing.T) {
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

	t.Run("results are counted from the last report, and the latest evidence wins", func(t *testing.T) {
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
		assert.Equal(t, health.Warning, observed(t, b.Service, "a"), "a check that passes does not deny a warning")
	})

	t.Run("a replica that doubts itself marks nothing critical", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for n := range 10 {
			b.checked(t, fmt.Sprintf("i-%d", n), fmt.Sprintf("host-%d", n))
		}
		b.check(t, 3*time.Second)
		var ill sync.Map
		b.prober.answer = func(_ context.Context, p health.Probe) bool {
			_, failing := ill.Load(p.Host)
			return !failing
		}
		ill.Store("host-0", true)
		ill.Store("host-1", true)
		b.check(t, 5*time.Second)
		assert.Equal(t, health.Critical, observed(t, b.Service, "i-0"), "two of ten are believed")
		for n := 2; n < 8; n++ {
			ill.Store(fmt.Sprintf("host-%d", n), true)
		}
		b.check(t, 20*time.Second)
		for n := 2; n < 8; n++ {
			assert.Equal(t, health.Passing, observed(t, b.Service, fmt.Sprintf("i-%d", n)), "six at once are not")
		}
		b.check(t, 11*time.Minute)
		assert.Equal(t, health.Critical, observed(t, b.Service, "i-5"), "but doubt does not last for ever")
	})

	t.Run("what is not checked any more is not asked", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		asked := map[string]int{}
		b.prober.answer = func(_ context.Context, p health.Probe) bool {
			asked[p.Host]++
			return true
		}
		b.checked(t, "a", "a.internal")
		b.check(t, 3*time.Second)
		require.Positive(t, asked["a.internal"])
		require.NoError(t, b.DeregisterInstance(t.Context(), fixture.Admin(), target("a")))
		before := asked["a.internal"]
		b.check(t, 3*time.Second)
		assert.Equal(t, before, asked["a.internal"])
	})
}

func TestFlapping(t *testing.T) {
	t.Parallel()
	// 20 of 100 instances fail thrice and pass twice, over and over: each is a
	// transition as soon as there can be one.
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
		// Of 120 transitions, those below the bound and the one to being held.
		assert.LessOrEqual(t, changes[id], 6, id)
		i := instance(t, b.Service, id)
		assert.True(t, i.Flapping, id)
		assert.Equal(t, health.Passing, i.Observed(), "held at the last good state")
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
	asked := map[string]int{}
	b.prober.answer = func(_ context.Context, p health.Probe) bool {
		mu.Lock()
		defer mu.Unlock()
		asked[p.Host]++
		return true
	}
	for n := range 40 {
		b.checked(t, fmt.Sprintf("i-%02d", n), fmt.Sprintf("host-%02d", n))
	}
	other := b.replica(t, "replica-2")
	b.check(t, 5*time.Second, b.Service, other)
	clear(asked)
	b.check(t, 10*time.Second, b.Service, other)
	require.Len(t, asked, 40)
	for host, times := range asked {
		assert.InDelta(t, 10, times, 1, "%s is asked once a second, by whoever", host)
	}

	clear(asked)
	b.check(t, 10*time.Second, other)
	assert.Len(t, asked, 40, "what was the other's is taken over when its lease ends")
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
			b.checked(t, fmt.Sprintf("same-%02d", n), "crowded")
		}
		b.check(t, 3*time.Second) // they have answered soon before
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
		assert.LessOrEqual(t, perHost["crowded"], 4)
		close(release)
		b.Settle()
		for range 10 {
			b.pass(checkEvery)
			b.Check(t.Context())
			b.Settle()
		}
		assert.Len(t, perHost, 91, "those that had to wait are next")
	})
}
