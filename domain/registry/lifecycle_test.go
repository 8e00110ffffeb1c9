package registry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

func TestEvidence(t *testing.T) {
	t.Parallel()

	t.Run("a report takes effect at once, and is stored with time and reason", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		require.NoError(t, s.Report(ref(t, "a"), health.Warning, stampAt(5)))
		i := find(t, s, "a")
		assert.True(t, i.Ready())
		assert.Equal(t, stampAt(5).At, i.Since)
		require.NoError(t, s.Report(ref(t, "a"), health.Critical, stampAt(6)))
		assert.Equal(t, registry.Unhealthy, s.State().Status)
		assert.Equal(t, []string{
			registry.InstanceHealthChanged, registry.InstanceHealthChanged, registry.ServiceHealthChanged,
		}, kinds(t, s))
		assert.Equal(t, []registry.Transition{
			{Ref: ref(t, "a"), At: stampAt(5).At, From: health.Passing, To: health.Warning, Reason: "reported"},
			{Ref: ref(t, "a"), At: stampAt(6).At, From: health.Warning, To: health.Critical, Reason: "reported"},
		}, s.Unsaved().Transitions)
	})

	t.Run("a known state makes no version", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		require.NoError(t, s.Report(ref(t, "a"), health.Passing, stamp()))
		require.NoError(t, s.Judge(ref(t, "a"), health.Verdict{Status: health.Passing}, "check_passed", stamp()))
		require.NoError(t, s.Amend(ref(t, "a"), registry.Amendment{Desired: new(registry.Up)}, stamp()))
		require.NoError(t, s.Revive(ref(t, "a"), 1, stamp()))
		s.Release(stamp(), ref(t, "a"))
		s.Protect(production(t), false, stamp())
		assert.True(t, s.Unsaved().Empty())
	})

	t.Run("a report overrules checks, and ends flapping", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		require.NoError(t, s.Judge(ref(t, "a"), health.Verdict{Status: health.Passing, Flapping: true}, "check_passed", stamp()))
		assert.True(t, find(t, s, "a").Flapping)
		require.NoError(t, s.Report(ref(t, "a"), health.Critical, stamp()))
		assert.False(t, find(t, s, "a").Flapping)
		assert.Equal(t, health.Critical, find(t, s, "a").Observed())
	})

	t.Run("an unknown instance cannot be reported", func(t *testing.T) {
		t.Parallel()
		require.ErrorIs(t, registered(t, "a").Report(ref(t, "b"), health.Passing, stamp()), registry.ErrInstanceNotFound)
	})
}

func TestLeases(t *testing.T) {
	t.Parallel()

	t.Run("an instance with an expired lease is critical until the lease is renewed", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a", "b")
		s.Expire(false, stamp(), held(t, s))
		i := find(t, s, "a")
		assert.Equal(t, []any{health.Critical, "lease_expired", false, false, false},
			[]any{i.Observed(), i.Reason, i.Listed(), i.Offered(), i.Alive()})
		require.NoError(t, s.Report(ref(t, "a"), health.Passing, stamp()))
		assert.Equal(t, health.Critical, find(t, s, "a").Observed())
		require.NoError(t, s.Revive(ref(t, "a"), 1, stamp()))
		assert.True(t, find(t, s, "a").Ready())
		assert.Equal(t, "lease_renewed", find(t, s, "a").Reason)
	})

	t.Run("another epoch renews nothing, and expires nothing", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		old := held(t, s)
		register(t, s, lease(t, "a"))
		s.MarkSaved(1, "")
		require.ErrorIs(t, s.Revive(ref(t, "a"), old.Epoch, stamp()), registry.ErrLeaseLost)
		require.ErrorIs(t, s.Revive(ref(t, "a"), 3, stamp()), registry.ErrLeaseLost)
		s.Expire(false, stamp(), old)
		s.RemoveExpired(stamp(), old)
		assert.True(t, s.Unsaved().Empty())
	})

	t.Run("the default instance has no lease to renew", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		register(t, s, whole(t, "http://a"))
		require.ErrorIs(t, s.Revive(ref(t, "default"), 0, stamp()), registry.ErrNoLease)
	})

	t.Run("a held instance stays listed with its state, and the service healthy", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		s.Protect(production(t), true, stamp())
		s.Expire(true, stamp(), held(t, s))
		i := find(t, s, "a")
		assert.Equal(t, []any{health.Critical, true, true, true, false},
			[]any{i.Observed(), i.Listed(), i.Offered(), i.Alive(), i.Ready()})
		assert.Equal(t, registry.Healthy, s.State().Status)
		since, protected := s.State().Protections[0].Since, len(s.State().Protections)
		assert.Equal(t, stamp().At, since)
		assert.Equal(t, 1, protected)
		s.RemoveExpired(stamp(), held(t, s))
		find(t, s, "a")

		s.Release(stampAt(1), ref(t, "a"))
		s.Protect(production(t), false, stampAt(1))
		assert.False(t, find(t, s, "a").Listed())
		assert.Equal(t, registry.Unhealthy, s.State().Status)
		assert.Empty(t, s.State().Protections)
		s.RemoveExpired(stampAt(2), held(t, s))
		_, err := s.Instance(ref(t, "a"))
		require.ErrorIs(t, err, registry.ErrInstanceNotFound)
	})

	t.Run("an instance that left is restored with a reason of its own", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a", "b")
		s.Expire(false, stamp(), held(t, s))
		s.MarkSaved(1, "")
		s.Expire(true, stamp(), held(t, s))
		assert.True(t, find(t, s, "a").Held)
		assert.Equal(t, []string{registry.InstanceHealthChanged}, kinds(t, s))
	})

	t.Run("an instance with a running lease is not removed", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		s.RemoveExpired(stamp(), held(t, s))
		assert.True(t, s.Unsaved().Empty())
	})
}

func TestAmending(t *testing.T) {
	t.Parallel()

	t.Run("a draining instance serves, and gets no new requests", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		require.NoError(t, s.Amend(ref(t, "a"),
			registry.Amendment{Desired: new(registry.Draining), Reason: new("release"), Weight: new(0)}, stamp()))
		i := find(t, s, "a")
		assert.Equal(t, []any{true, false, true, "release", "deploy", 0},
			[]any{i.Serving(), i.Ready(), i.Terminating(), i.Override.Reason, i.By.Name, i.Weight})
		assert.Equal(t, []string{registry.InstanceDrained, registry.ServiceHealthChanged}, kinds(t, s))
		require.NoError(t, s.Amend(ref(t, "a"), registry.Amendment{Desired: new(registry.Up)}, stamp()))
		assert.Empty(t, find(t, s, "a").Override.Reason)
		assert.Equal(t, registry.Healthy, s.State().Status)
	})

	t.Run("what breaks a rule is named, and nothing changes", func(t *testing.T) {
		t.Parallel()
		for field, a := range map[string]registry.Amendment{
			"weight": {Weight: new(-1)}, "tags": {Tags: &[]string{""}}, "reason": {Reason: new("why")},
		} {
			s := registered(t, "a")
			err := s.Amend(ref(t, "a"), a, stamp())
			require.ErrorIs(t, err, fault.ErrInvalid)
			assert.Equal(t, field, fault.Of(err).Fields()[0].Name)
			assert.True(t, s.Unsaved().Empty())
		}
	})
}

// TestTally checks the counts, the status and the versions after random operations in
// random order.
func TestTally(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := registry.New(shop(t))
		pick := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		status := rapid.SampledFrom(health.Statuses())
		some := func(do func(i *registry.Instance, h registry.LeaseKey)) func(*rapid.T) {
			return func(r *rapid.T) {
				if i, err := s.Instance(ref(t, pick.Draw(r, "instance"))); err == nil {
					do(i, registry.LeaseKey{Key: registry.Key{Service: s.State().Name, Ref: i.Ref()}, Epoch: i.Epoch})
				}
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"register": func(r *rapid.T) { register(t, s, lease(t, pick.Draw(r, "instance"))) },
			"whole":    func(*rapid.T) { register(t, s, whole(t, "http://shop")) },
			"report": func(r *rapid.T) {
				_ = s.Report(ref(t, pick.Draw(r, "instance")), status.Draw(r, "status"), stamp())
			},
			"default": func(r *rapid.T) { _ = s.Report(ref(t, "default"), status.Draw(r, "status"), stamp()) },
			"desire": func(r *rapid.T) {
				d := rapid.SampledFrom([]registry.Desired{registry.Up, registry.Draining, registry.Maintenance})
				_ = s.Amend(ref(t, pick.Draw(r, "instance")), registry.Amendment{Desired: new(d.Draw(r, "desired"))}, stamp())
			},
			"expire":     some(func(_ *registry.Instance, h registry.LeaseKey) { s.Expire(false, stamp(), h) }),
			"hold":       some(func(_ *registry.Instance, h registry.LeaseKey) { s.Expire(true, stamp(), h) }),
			"release":    some(func(i *registry.Instance, _ registry.LeaseKey) { s.Release(stamp(), i.Ref()) }),
			"remove":     some(func(_ *registry.Instance, h registry.LeaseKey) { s.RemoveExpired(stamp(), h) }),
			"deregister": some(func(i *registry.Instance, _ registry.LeaseKey) { _ = s.DeregisterInstance(i.Ref(), stamp()) }),
			"leave":      func(*rapid.T) { _ = s.Deregister(stamp()) },
			"protect":    func(r *rapid.T) { s.Protect(production(t), rapid.Bool().Draw(r, "protected"), stamp()) },
			"save":       func(*rapid.T) { s.MarkSaved(1, "") },
			"":           func(r *rapid.T) { requireCounted(t, r, s) },
		})
	})
}

func requireCounted(t *testing.T, r *rapid.T, s *registry.Service) {
	t.Helper()
	var want registry.Tally
	for _, i := range s.Instances() {
		if i.Removed {
			continue
		}
		want.Total++
		if i.Offered() {
			want.Offered++
		}
		if i.Observed() != health.Unknown {
			want.Known++
		}
	}
	state := s.State()
	require.Equal(r, want, state.Tally)
	kinds(t, s)
	if s.Deleted() || state.Version == 0 {
		return
	}
	switch {
	case want.Offered > 0:
		require.Equal(r, registry.Healthy, state.Status)
	case want.Total > 0 && want.Known == 0:
		require.Equal(r, registry.StatusUnknown, state.Status)
	default:
		require.Equal(r, registry.Unhealthy, state.Status)
	}
}
