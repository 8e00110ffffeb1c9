package registryapp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// registerService registers the shop without an instance.
func (b *bundle) registerService(t *testing.T) registryapp.Registered {
	t.Helper()
	done, err := b.Register(t.Context(), fixture.Admin(), registryapp.Register{
		ServiceName: shop, ServiceURL: new("http://shop.internal:8080"),
	})
	require.NoError(t, err)
	return done
}

// faulty returns the fields that an error names.
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
		done := b.registerService(t)
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
			Tags: new([]string{"a\x07b"}), Weight: new(65_536), TTLSeconds: new(0), DeregisterAfterSeconds: new(-1),
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
		b.leases.down.Store(true)
		_, err := b.Register(t.Context(), fixture.Admin(), registration("a"))
		require.ErrorIs(t, err, registry.ErrLeasesUnavailable)
		assert.Empty(t, b.store.Outbox())
		b.registerService(t)
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
