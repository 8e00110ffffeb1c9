package registryapp_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
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

// hostile is a service that is registered to make checks fail.
const hostile = "hostile"

// forbids makes every check not allowed while it is set.
func (b *bundle) forbids() {
	b.prober.result = func(health.Probe) health.Result { return health.Result{Failed: health.Forbidden} }
}

func conditions(s *registryapp.Service) map[string]int64 {
	counts := map[string]int64{}
	for _, c := range s.Conditions() {
		counts[c.Name] = c.Count
	}
	return counts
}

func TestChecksThatAreNotAllowed(t *testing.T) {
	t.Parallel()

	t.Run("checks that are not allowed change the reason once, and are a condition", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.forbids()
		b.checked(t, "a", "10.0.0.1")
		b.checked(t, "b", "10.0.0.2")
		before := len(b.store.Outbox())
		b.check(t, 30*time.Second)
		i := instance(t, b.Service, "a")
		assert.Equal(t, health.Passing, i.Observed())
		assert.Equal(t, registry.ReasonCheckNotAllowed, i.Reason)
		assert.Equal(t, map[string]int{registry.InstanceHealthChanged: 2}, b.events(before), "one for each")
		assert.Equal(t, []string{"a", "b"}, ready(t, b.Service))
		assert.Equal(t, map[string]int64{"checks_not_allowed": 2}, conditions(b.Service))
		reading, err := b.Read(t.Context(), fixture.Admin(), shop)
		require.NoError(t, err)
		for _, o := range reading.Instances {
			assert.Zero(t, o.Reading.Failures, "nothing was found out")
			assert.False(t, o.Reading.Measured)
		}

		require.NoError(t, b.DeregisterInstance(t.Context(), fixture.Admin(), registryapp.Target{ServiceName: shop, InstanceID: "b"}))
		b.check(t, time.Second)
		assert.Equal(t, map[string]int64{"checks_not_allowed": 1}, conditions(b.Service))
		b.prober.result = nil
		b.check(t, 2*time.Second)
		assert.Empty(t, conditions(b.Service))
		assert.Equal(t, registry.ReasonCheckPassed, instance(t, b.Service, "a").Reason)
	})

	t.Run("the latency of a failure is stored only with its details", func(t *testing.T) {
		t.Parallel()
		for _, class := range append(health.Classes(), 0) {
			if class == health.Forbidden {
				continue // its latency is not stored: see above
			}
			measured := class != health.Failed
			b := setup(t)
			b.prober.result = func(health.Probe) health.Result {
				return health.Result{Failed: class, Latency: 3 * time.Second}
			}
			b.checked(t, "a", "a.internal")
			b.check(t, 2*time.Second)
			reading, err := b.Read(t.Context(), fixture.Admin(), shop)
			require.NoError(t, err)
			require.Len(t, reading.Instances, 1)
			of := reading.Instances[0].Reading
			assert.Equal(t, measured, of.Measured, class)
			assert.Equal(t, measured, of.ResponseTime > 0, class)
			assert.Equal(t, class != 0, of.Failures > 0, "it was counted: %s", class)
		}
	})

	t.Run("checks that are not allowed do not count as failures", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		made := 0
		b.prober.result = func(health.Probe) health.Result {
			if made++; made%2 == 0 {
				return health.Result{Failed: health.Forbidden}
			}
			return health.Result{Code: 200}
		}
		b.checked(t, "a", "shop.example")
		b.check(t, time.Minute)
		assert.Equal(t, health.Passing, observed(t, b.Service, "a"))
		assert.False(t, instance(t, b.Service, "a").Flapping)
	})

	t.Run("a reported state stays, and so does an expired lease", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.forbids()
		b.checked(t, "a", "10.0.0.1")
		_, err := b.Report(t.Context(), fixture.Admin(), registryapp.Report{
			ServiceName: shop, InstanceID: new("a"), Status: "critical",
		})
		require.NoError(t, err)
		b.check(t, 10*time.Second)
		assert.Equal(t, health.Critical, observed(t, b.Service, "a"))
		assert.Equal(t, registry.ReasonReported, instance(t, b.Service, "a").Reason)
		b.run(t, time.Hour+2*time.Second)
		assert.True(t, instance(t, b.Service, "a").Expired, "its lease has ended")
	})

	t.Run("with checks turned off none is allowed, and there is no condition", func(t *testing.T) {
		t.Parallel()
		b := empty()
		b.Service = b.replica(t, "replica-1", func(d *registryapp.Dependencies) { d.Prober = nil })
		require.NoError(t, b.Refresh(t.Context()))
		b.expireLeases(t)
		b.prober.result = func(health.Probe) health.Result {
			t.Error("a check was made")
			return health.Result{}
		}
		b.checked(t, "a", "shop.example")
		b.check(t, 5*time.Second)
		assert.Equal(t, registry.ReasonCheckNotAllowed, instance(t, b.Service, "a").Reason)
		assert.Equal(t, health.Passing, observed(t, b.Service, "a"))
		assert.Empty(t, conditions(b.Service))
	})

	t.Run("the condition names the settings", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.forbids()
		b.checked(t, "a", "10.0.0.1")
		b.check(t, 2*time.Second)
		found := b.Conditions()
		require.Len(t, found, 1)
		assert.Contains(t, found[0].Message, "PROBE_ALLOW_CIDRS")
		assert.Contains(t, found[0].Message, "PROBES_ENABLED")
	})
}

func TestSpellingsOfAnAddress(t *testing.T) {
	t.Parallel()
	// Hosts that all resolve to the same address.
	spellings := func(n int) string { return fmt.Sprintf("spelling-%02d.example", n) }
	one := netip.MustParseAddr("10.0.0.1")
	answer := func(p health.Probe, passed bool) health.Result {
		r := health.Result{Latency: time.Millisecond}
		if strings.HasPrefix(p.Host, "spelling") {
			r.Dialled = one
		}
		if !passed {
			r.Failed = health.Failed
		}
		return r
	}

	for name, hosts := range map[string]func(n int) string{
		"spellings of one address": spellings,
		"addresses of one service": func(n int) string { return fmt.Sprintf("10.1.0.%d", n+1) },
	} {
		t.Run(name+" do not delay that another instance becomes critical", func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			dead := false
			b.prober.result = func(p health.Probe) health.Result { return answer(p, !dead) }
			b.checked(t, "honest", "honest.example")
			for n := range 40 {
				b.checkedOf(t, hostile, fmt.Sprintf("i-%02d", n), hosts(n))
			}
			b.check(t, 5*time.Second)
			require.Equal(t, []string{"honest"}, ready(t, b.Service))
			dead = true
			b.check(t, 5*time.Second)
			assert.Empty(t, ready(t, b.Service))
			assert.Equal(t, "check_failed:failed", instance(t, b.Service, "honest").Reason)
		})
	}

	t.Run("four are checked at once, independent of the number of services", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			b.prober.result = func(p health.Probe) health.Result { return answer(p, true) }
			for n := range 40 {
				b.checkedOf(t, fmt.Sprintf("service-%02d", n), "a", spellings(n))
			}
			b.check(t, 3*time.Second)
			running, release := b.hang(t, "spelling")
			b.begin(t, 2*time.Second)
			assert.Equal(t, 4, running())
			release()
		})
	})
}

// hang blocks the checks of hosts with a prefix until release, and counts the started
// ones.
func (b *bundle) hang(t *testing.T, prefix string) (running func() int, release func()) {
	t.Helper()
	began, free := make(chan struct{}, 1000), make(chan struct{})
	before := b.prober.result
	b.prober.result = func(p health.Probe) health.Result {
		if strings.HasPrefix(p.Host, prefix) {
			began <- struct{}{}
			<-free
			return health.Result{Failed: health.TimedOut, Latency: health.MaxTimeout}
		}
		return before(p)
	}
	return func() int { return len(began) }, func() { close(free); b.Settle() }
}

// begin advances the time of a bubble, and does not wait for the checks that it starts.
func (b *bundle) begin(t *testing.T, d time.Duration) {
	t.Helper()
	for passed := time.Duration(0); passed < d; passed += checkEvery {
		b.pass(checkEvery)
		b.Check(t.Context())
		synctest.Wait()
	}
}

func TestHonestChecksGoOn(t *testing.T) {
	t.Parallel()
	for name, register := range map[string]func(*testing.T, *bundle){
		"one service with many addresses": func(t *testing.T, b *bundle) {
			for n := range 200 {
				b.checkedOf(t, hostile, fmt.Sprintf("i-%03d", n), fmt.Sprintf("hangs-%03d.example", n))
			}
		},
		"many services of one registrant": func(t *testing.T, b *bundle) {
			for n := range 200 {
				b.checkedOf(t, fmt.Sprintf("hostile-%03d", n), "a", fmt.Sprintf("hangs-%03d.example", n))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t)
				made := 0
				b.prober.result = func(p health.Probe) health.Result {
					if p.Host == "honest.example" {
						made++
					}
					return health.Result{Latency: time.Millisecond}
				}
				b.checked(t, "honest", "honest.example")
				b.check(t, 3*time.Second)
				running, release := b.hang(t, "hangs")
				register(t, b)
				require.NoError(t, b.Refresh(t.Context()))
				before := made
				b.begin(t, 10*time.Second)
				assert.InDelta(t, 10, made-before, 1, "an honest instance is checked once a second")
				assert.LessOrEqual(t, running(), 32)
				release()
			})
		})
	}
}

func TestDoubledTimeouts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var longest time.Duration
	passes := true
	b.prober.answer = func(_ context.Context, p health.Probe) bool {
		longest = max(longest, p.Timeout)
		return passes
	}
	for n := range 3 {
		in := registration(fmt.Sprintf("i-%d", n))
		in.TTLSeconds = new(3600)
		in.Check = &health.Spec{Type: "http", Path: "/up", IntervalSeconds: new(30), TimeoutMS: new(9_000)}
		_, err := b.Register(t.Context(), fixture.Admin(), in)
		require.NoError(t, err)
	}
	b.check(t, 65*time.Second)
	require.Equal(t, 9*time.Second, longest)
	passes = false
	b.check(t, 65*time.Second)
	assert.Equal(t, health.MaxTimeout, longest, "suspicion makes no check longer than the maximum")
}
