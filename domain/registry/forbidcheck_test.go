package registry_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

func TestChecksThatAreNotAllowed(t *testing.T) {
	t.Parallel()
	judge := func(t *testing.T, s *registry.Service, instance string, status health.Status, reason string) {
		t.Helper()
		require.NoError(t, s.Judge(ref(t, instance), health.Verdict{Status: status}, reason, stamp()))
	}

	t.Run("they change the reason alone, once", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		since := find(t, s, "a").Since
		require.NoError(t, s.ForbidCheck(ref(t, "a"), stampAt(5)))
		i := find(t, s, "a")
		assert.Equal(t, health.Passing, i.Observed())
		assert.Equal(t, "check_not_allowed", i.Reason)
		assert.Equal(t, since, i.Since)
		assert.Empty(t, s.Unsaved().Transitions)
		assert.Equal(t, []string{registry.InstanceHealthChanged}, kinds(t, s), "the event of the instance is recorded")
		s.MarkSaved(2, "event")
		require.NoError(t, s.ForbidCheck(ref(t, "a"), stampAt(6)))
		assert.True(t, s.Unsaved().Empty())
	})

	t.Run("a reported state stays, with its reason", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		require.NoError(t, s.Report(ref(t, "a"), health.Critical, stamp()))
		s.MarkSaved(2, "event")
		require.NoError(t, s.ForbidCheck(ref(t, "a"), stamp()))
		assert.True(t, s.Unsaved().Empty())
		assert.Equal(t, health.Critical, find(t, s, "a").Observed())
	})

	t.Run("what checks found before is withdrawn", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		judge(t, s, "a", health.Critical, "check_failed:refused")
		require.NoError(t, s.ForbidCheck(ref(t, "a"), stampAt(5)))
		i := find(t, s, "a")
		assert.Equal(t, health.Passing, i.Observed(), "its lease runs")
		assert.Equal(t, "check_not_allowed", i.Reason)
		assert.Equal(t, stampAt(5).At, i.Since)

		s = registry.New(shop(t))
		register(t, s, whole(t, "http://shop:8080"))
		judge(t, s, "default", health.Passing, "check_passed")
		require.NoError(t, s.ForbidCheck(ref(t, "default"), stamp()))
		assert.Equal(t, health.Unknown, find(t, s, "default").Observed(), "nothing is known of it")
	})

	t.Run("a lease that has ended is the better reason", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		s.Expire(false, stamp(), held(t, s))
		require.NoError(t, s.ForbidCheck(ref(t, "a"), stamp()))
		assert.Equal(t, health.Critical, find(t, s, "a").Observed())
		assert.Equal(t, "lease_expired", find(t, s, "a").Reason)
	})

	t.Run("a check that is allowed again changes the reason", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		require.NoError(t, s.ForbidCheck(ref(t, "a"), stamp()))
		judge(t, s, "a", health.Passing, "check_passed")
		assert.Equal(t, "check_passed", find(t, s, "a").Reason)
		judge(t, s, "a", health.Critical, "check_failed:refused")
		assert.Equal(t, "check_failed:refused", find(t, s, "a").Reason)
	})

	t.Run("the check of an unknown instance cannot be forbidden", func(t *testing.T) {
		t.Parallel()
		require.ErrorIs(t, registered(t, "a").ForbidCheck(ref(t, "b"), stamp()), registry.ErrInstanceNotFound)
	})
}

func TestSourceOfARegistration(t *testing.T) {
	t.Parallel()
	from := func(r registry.Registration, source string) registry.Registration {
		r.Source = netip.MustParseAddr(source)
		return r
	}
	for name, registration := range map[string]func() registry.Registration{
		"an instance":        func() registry.Registration { return lease(t, "default-not") },
		"a service as whole": func() registry.Registration { return whole(t, "http://shop:8080") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := registry.New(shop(t))
			register(t, s, from(registration(), "::ffff:10.0.0.1"))
			source := func() netip.Addr { return s.Instances()[0].Source }
			assert.Equal(t, netip.MustParseAddr("10.0.0.1"), source())
			s.MarkSaved(1, "event")

			register(t, s, from(registration(), "10.0.0.2"))
			assert.Equal(t, netip.MustParseAddr("10.0.0.2"), source(), "the last registration counts")
			assert.Empty(t, s.PendingEvents(), "no event is recorded")
			assert.Len(t, s.Unsaved().Instances, 1, "but it is stored")
			s.MarkSaved(2, "event")

			register(t, s, registration())
			assert.False(t, source().IsValid(), "also where it is not known from where it came")
		})
	}
}

func TestProbesNameWhatTheyDial(t *testing.T) {
	t.Parallel()
	s := registry.New(shop(t))
	r := lease(t, "a")
	r.URL, r.HealthCheck = address(t, "http://10.0.0.1:8080"), address(t, "http://[fd00::1]:81/up")
	r.Source = netip.MustParseAddr("10.0.0.9")
	register(t, s, r)
	p, checked := find(t, s, "a").Probe()
	require.True(t, checked)
	assert.Equal(t, "fd00::1", p.Host, "of the URL that is asked, which is not the instance's own")
	assert.Equal(t, r.Source, p.Source)
	r.Check = &health.Check{Kind: health.TCP, Interval: health.DefaultInterval, Timeout: health.DefaultTimeout}
	register(t, s, r)
	p, checked = find(t, s, "a").Probe()
	require.True(t, checked)
	assert.Equal(t, "10.0.0.1", p.Host)
}
