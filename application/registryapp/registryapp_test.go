package registryapp_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// whole registers the shop without an instance.
func (b *bundle) whole(t *testing.T) registryapp.Registered {
	t.Helper()
	done, err := b.Register(t.Context(), fixture.Admin(), registryapp.Register{
		ServiceName: shop, ServiceURL: new("http://shop.internal:8080"),
	})
	require.NoError(t, err)
	return done
}

// faulty returns the members that an error names.
func faulty(err error) []string {
	var fields []string
	for _, f := range fault.Of(err).Fields() {
		fields = append(fields, f.Name)
	}
	return fields
}

func TestRegister(t *testing.T) {
	t.Parallel()

	t.Run("a service without instances has the default one, which an own one replaces", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		done := b.whole(t)
		assert.True(t, done.Created)
		assert.Equal(t, "default", view(t, b.Service).Instances[0].ID.String())
		b.register(t, "a")
		require.Len(t, view(t, b.Service).Instances, 1)
		_, err := b.Report(t.Context(), fixture.Admin(), registryapp.Report{ServiceName: shop, Status: "healthy"})
		require.ErrorIs(t, err, registry.ErrInstanceRequired)
	})

	t.Run("all that is wrong is named at once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.Register(t.Context(), fixture.Admin(), registryapp.Register{
			ServiceName: "a b", InstanceID: new(""), ServiceURL: new("ftp://x"), HealthCheckURL: new("http://u:p@x"),
			Metadata: []byte(`[]`), Host: new("[::1]"), Environment: new("nowhere"), Zone: new(fixture.Long(101)),
			Tags: new([]string{"a,b"}), Weight: new(65_536), TTLSeconds: new(0), DeregisterAfterSeconds: new(-1),
			Check: &health.Spec{Type: "script"},
		})
		require.ErrorIs(t, err, fault.ErrInvalid)
		for _, field := range []string{
			"service_name", "instance_id", "service_url", "health_check_url", "metadata", "environment", "ttl_seconds",
			"deregister_after_seconds", "/check/type", "tags", "weight", "zone",
		} {
			assert.Contains(t, faulty(err), field)
		}
		assert.Empty(t, b.store.Outbox())
	})

	t.Run("while leases cannot be granted nothing is stored", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.leases.away.Store(true)
		_, err := b.Register(t.Context(), fixture.Admin(), registration("a"))
		require.ErrorIs(t, err, registry.ErrLeasesUnavailable)
		assert.Empty(t, b.store.Outbox())
		b.whole(t)
	})

	t.Run("a reader may not", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		before := len(b.store.Outbox())
		by := fixture.Reader()
		_, registerErr := b.Register(t.Context(), by, registration("a"))
		_, beatErr := b.Heartbeat(t.Context(), by, registryapp.Heartbeat{ServiceName: shop, InstanceID: "a", Epoch: 1})
		_, beatsErr := b.Heartbeats(t.Context(), by, nil)
		_, reportErr := b.Report(t.Context(), by, registryapp.Report{ServiceName: shop, Status: "healthy"})
		_, amendErr := b.Amend(t.Context(), by, registryapp.Amend{Target: target("a")})
		for _, err := range []error{
			registerErr, beatErr, beatsErr, reportErr, amendErr, b.Deregister(t.Context(), by, service()),
			b.DeregisterInstance(t.Context(), by, target("a")),
		} {
			require.ErrorIs(t, err, access.ErrForbidden)
		}
		assert.Len(t, b.store.Outbox(), before)
	})
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()

	t.Run("the epoch of the last registration holds the lease, and none else", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.register(t, "a")
		require.NoError(t, b.beat(t, "a", first))
		second := b.register(t, "a")
		assert.Equal(t, first+1, second)
		require.ErrorIs(t, b.beat(t, "a", first), registry.ErrLeaseLost)
		require.ErrorIs(t, b.beat(t, "a", second+1), registry.ErrLeaseLost, "one from the future")
		require.NoError(t, b.beat(t, "a", second))
		b.run(t, 29*time.Second)
		require.ErrorIs(t, b.beat(t, "a", first), registry.ErrLeaseLost)
		b.run(t, 2*time.Second)
		assert.Empty(t, ready(t, b.Service), "a paused process does not keep its successor's lease alive")
	})

	t.Run("it makes no version and no event, but for a report that is news", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		epoch := b.register(t, "a")
		before := len(b.store.Outbox())
		beat := func(status string) {
			_, err := b.Heartbeat(t.Context(), fixture.Admin(), registryapp.Heartbeat{
				ServiceName: shop, InstanceID: "a", Epoch: epoch, Status: &status, ResponseTime: new(1.5),
			})
			require.NoError(t, err)
		}
		for range 10 {
			beat("healthy")
		}
		assert.Empty(t, b.events(before))
		beat("warning")
		beat("warning")
		assert.Equal(t, map[string]int{registry.InstanceHealthChanged: 1}, b.events(before))
		assert.Equal(t, health.Warning, observed(t, b.Service, "a"))
	})

	t.Run("a batch is answered one by one, in order", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		a, c := b.register(t, "a"), b.register(t, "c")
		beaten, err := b.Heartbeats(t.Context(), fixture.Admin(), []registryapp.Heartbeat{
			{ServiceName: shop, InstanceID: "c", Epoch: c},
			{ServiceName: shop, InstanceID: "b", Epoch: 1},
			{ServiceName: shop, InstanceID: "a", Epoch: a + 1},
			{ServiceName: "no one", InstanceID: "a", Epoch: 1},
			{ServiceName: shop, InstanceID: "a", Epoch: a},
		})
		require.NoError(t, err)
		require.NoError(t, beaten[0].Err)
		require.ErrorIs(t, beaten[1].Err, registry.ErrInstanceNotFound)
		require.ErrorIs(t, beaten[2].Err, registry.ErrLeaseLost)
		require.ErrorIs(t, beaten[3].Err, fault.ErrInvalid)
		require.NoError(t, beaten[4].Err)
		assert.Equal(t, 30*time.Second, beaten[4].ExpiresIn)
		_, err = b.Heartbeats(t.Context(), fixture.Admin(), make([]registryapp.Heartbeat, 1001))
		require.ErrorIs(t, err, registry.ErrTooManyHeartbeats)
	})

	t.Run("response times are bounded", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		epoch := b.register(t, "a")
		for _, ms := range []float64{-1, math.NaN(), math.Inf(1), 1e9 + 1} {
			_, err := b.Heartbeat(t.Context(), fixture.Admin(), registryapp.Heartbeat{
				ServiceName: shop, InstanceID: "a", Epoch: epoch, ResponseTime: &ms,
			})
			assert.Equal(t, []string{"response_time"}, faulty(err), "%v", ms)
		}
	})

	t.Run("a service that was deregistered and a removed instance are not there", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		a, c := b.register(t, "a"), b.register(t, "c")
		require.NoError(t, b.DeregisterInstance(t.Context(), fixture.Admin(), target("a")))
		require.ErrorIs(t, b.beat(t, "a", a), registry.ErrInstanceNotFound)
		require.NoError(t, b.Deregister(t.Context(), fixture.Admin(), service()))
		require.ErrorIs(t, b.beat(t, "c", c), registry.ErrNotFound)
		assert.Equal(t, c+1, b.register(t, "c"), "epochs go on")
	})
}

func TestDiscovery(t *testing.T) {
	t.Parallel()

	t.Run("before the store was read there is no answer, and then the truth", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		other := b.replica(t, "replica-2")
		_, err := other.Discover(fixture.Admin(), shop, "")
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.NoError(t, other.Refresh(t.Context()))
		assert.Equal(t, []string{"a"}, ready(t, other))
		_, err = other.Discover(fixture.Admin(), "nothing", "")
		require.ErrorIs(t, err, registry.ErrNotFound)
		_, err = other.Discover(fixture.Admin(), shop, "nowhere")
		require.ErrorIs(t, err, fault.ErrInvalid)
	})

	t.Run("what is written here is seen here at once, and elsewhere after a look", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.replica(t, "replica-2")
		b.register(t, "a")
		require.NoError(t, other.Refresh(t.Context()))
		b.register(t, "b")
		require.NoError(t, b.DeregisterInstance(t.Context(), fixture.Admin(), target("a")))
		assert.Equal(t, []string{"b"}, ready(t, b.Service))
		assert.Equal(t, []string{"a"}, ready(t, other))
		require.NoError(t, other.Refresh(t.Context()))
		assert.Equal(t, []string{"b"}, ready(t, other))
	})

	t.Run("what is drained serves, and is not ready", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		amended, err := b.Amend(t.Context(), fixture.Admin(), registryapp.Amend{
			Target: target("a"), Desired: new("draining"), Reason: new("release 7"),
		})
		require.NoError(t, err)
		i := amended.Instances[0]
		assert.Equal(t, []bool{true, false, true}, []bool{i.Serving(), i.Ready(), i.Terminating()})
		assert.Empty(t, ready(t, b.Service))
		assert.Len(t, view(t, b.Service).Select(registryapp.Selection{}), 1)
		assert.Equal(t, 1, b.events(0)[registry.InstanceDrained])
	})

	t.Run("selections narrow by zone, tag and version", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for n, zone := range []string{"eu-1", "eu-2"} {
			in := registration(strconv.Itoa(n))
			in.Zone, in.Version, in.Tags = &zone, new(strconv.Itoa(n)), new([]string{"all", zone})
			_, err := b.Register(t.Context(), fixture.Admin(), in)
			require.NoError(t, err)
		}
		v := view(t, b.Service)
		for _, n := range []registryapp.Selection{{Zone: "eu-2"}, {Tag: "eu-2"}, {Version: "1"}} {
			list := v.Select(n)
			require.Len(t, list, 1)
			assert.Equal(t, "1", list[0].ID.String())
		}
		assert.Len(t, v.Select(registryapp.Selection{Tag: "all"}), 2)
		assert.Empty(t, v.Select(registryapp.Selection{Zone: "eu-1", Version: "1"}))
	})

	t.Run("while the database is away all reads go on, but for what was never read", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		b.store.Fail(fault.ErrUnavailable)
		require.ErrorIs(t, b.Refresh(t.Context()), fault.ErrUnavailable)
		b.pass(3 * time.Second)
		assert.Equal(t, 3*time.Second, b.Staleness())
		assert.Equal(t, []string{"a"}, ready(t, b.Service))
		read, err := b.Read(t.Context(), fixture.Reader(), shop)
		require.NoError(t, err)
		assert.Len(t, read.Instances, 1)
		listed, err := b.List(t.Context(), fixture.Reader(), registryapp.List{Limit: 10})
		require.NoError(t, err)
		assert.Equal(t, 1, listed.Total)
		healthy, err := b.Healthy(t.Context(), fixture.Reader())
		require.NoError(t, err)
		assert.Equal(t, 1, healthy.Total)
		require.NoError(t, b.beat(t, "a", 1), "a heartbeat that is no news needs no database")
	})
}

func TestCrashes(t *testing.T) {
	t.Parallel()

	t.Run("a lease that is not there any more is assured", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		epoch := b.register(t, "a")
		require.NoError(t, b.leases.Remove(t.Context(), heldOf(t, "a", epoch)))
		require.Len(t, ready(t, b.Service), 1)
		b.run(t, 65*time.Second)
		assert.Empty(t, ready(t, b.Service), "it leaves if it says nothing, as any other")
	})

	t.Run("an end that is stored and not recorded is recorded once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		before := len(b.store.Outbox())
		b.leases.endLost.Store(true)
		for range 4 * 40 {
			b.pass(sweepEvery)
			_, _ = b.Sweep(t.Context())
		}
		assert.False(t, b.leases.endLost.Load(), "the call that was lost was made")
		assert.Empty(t, ready(t, b.Service))
		assert.Equal(t, map[string]int{registry.InstanceHealthChanged: 1, registry.ServiceHealthChanged: 1}, b.events(before))
	})

	t.Run("a removal that is stored and not dropped is dropped", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := registration("a")
		in.TTLSeconds, in.DeregisterAfterSeconds = new(1), new(1)
		_, err := b.Register(t.Context(), fixture.Admin(), in)
		require.NoError(t, err)
		b.leases.dropLost.Store(true)
		for range 4 * 10 {
			b.pass(sweepEvery)
			_, _ = b.Sweep(t.Context())
		}
		assert.False(t, b.leases.dropLost.Load())
		assert.Empty(t, view(t, b.Service).Instances)
		assert.Equal(t, 1, b.events(0)[registry.InstanceDeregistered])
		found, err := b.leases.Due(t.Context(), "replica-1", 10)
		require.NoError(t, err)
		assert.Empty(t, append(found.Overdue, found.Removable...))
	})

	t.Run("a step that another replica's write overtook is taken on what stands now", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		epoch := b.register(t, "a")
		b.run(t, 29*time.Second)
		other := b.replica(t, "replica-2")
		_, err := other.Register(t.Context(), fixture.Admin(), registration("a"))
		require.NoError(t, err)
		b.run(t, 5*time.Second)
		require.NoError(t, b.Refresh(t.Context()))
		assert.Len(t, ready(t, b.Service), 1)
		require.ErrorIs(t, b.beat(t, "a", epoch), registry.ErrLeaseLost)
	})
}

func TestHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "a")
	b.run(t, 31*time.Second)
	in := registryapp.HealthHistory{ServiceName: shop, InstanceID: new("a"), Limit: 10}
	found, err := b.ReadHealthHistory(t.Context(), fixture.Reader(), in)
	require.NoError(t, err)
	require.Len(t, found, 2)
	assert.Equal(t, registry.ReasonLeaseExpired, found[0].Reason)
	assert.Equal(t, health.Passing, found[0].From)
	assert.Equal(t, health.Critical, found[0].To)

	b.clock.Move(registryapp.HistoryKept - 10*time.Second)
	more, err := b.Purge(t.Context())
	require.NoError(t, err)
	assert.False(t, more)
	found, err = b.ReadHealthHistory(t.Context(), fixture.Reader(), in)
	require.NoError(t, err)
	assert.Len(t, found, 1, "what is older than 30 days is forgotten")
}
