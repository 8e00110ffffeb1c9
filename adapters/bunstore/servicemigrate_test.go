package bunstore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// TestInstanceEnvironmentsMigration migrates services and instances from before
// instances were identified by environment, up and down.
func TestInstanceEnvironmentsMigration(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Unmigrated() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := storetest.Migrated(t, open(t, storetest.Options())[0])
			const before = 10
			require.NoError(t, store.DownForTest(t.Context(), before))
			for _, statement := range []string{
				`INSERT INTO service_registry (id, service_name, service_url, registered_at, updated_at, version, generation)
				 VALUES (7, 'shop', 'http://h', '2026-11-01T00:00:00.000000Z', '2026-11-02T00:00:00.000000Z', 3, 4)`,
				`INSERT INTO service_instances (service_id, instance_id, environment, definition, desired, since, lease_epoch,
				 registered_at, updated_at, is_removed, generation) VALUES
				 (7, 'a', 'production', '{"metadata":{},"weight":100,"ttl_ns":1000000000,"removal_ns":172800000000000}', 'up',
				 '2026-11-01T00:00:00.000000Z', 3, '2026-11-01T00:00:00.000000Z', '2026-11-02T00:00:00.000000Z', true, 4),
				 (7, 'b', 'staging', '{"metadata":{},"weight":100,"ttl_ns":1000000000,"removal_ns":10000000000}', 'draining',
				 '2026-11-01T00:00:00.000000Z', 5, '2026-11-01T00:00:00.000000Z', '2026-11-02T00:00:00.000000Z', false, 3)`,
				`INSERT INTO service_health_history (service_id, instance_id, changed_at, from_status, to_status, reason)
				 VALUES (7, 'b', '2026-11-01T00:00:00.000000Z', 'unknown', 'passing', 'registered')`,
			} {
				require.NoError(t, store.ExecForTest(t.Context(), statement))
			}
			_, err := store.Migrate(t.Context())
			require.NoError(t, err)

			services := registrystore.New(store)
			found, err := services.Find(t.Context(), fixture.ServiceName(t, "shop"), fixture.InstanceID(t, "b"))
			require.NoError(t, err)
			assert.Equal(t, registry.Epoch(5), found.State().Epoch, "the highest that was given")
			inStaging := registry.Ref{Environment: fixture.Environment(t, "staging"), Instance: fixture.InstanceID(t, "b")}
			_, err = found.Instance(inStaging)
			require.NoError(t, err)
			history, err := services.Transitions(t.Context(), 7, inStaging, 0, 9)
			require.NoError(t, err)
			assert.Len(t, history, 1)

			removed := found.State().UpdatedAt
			n, err := services.PurgeRemoved(t.Context(), removed.Add(2*registry.KeptRemoved-1e9), 9)
			require.NoError(t, err)
			assert.Zero(t, n, "a removed instance stays for as long as it may be overdue")
			n, err = services.PurgeRemoved(t.Context(), removed.Add(2*registry.KeptRemoved), 9)
			require.NoError(t, err)
			assert.Equal(t, 1, n)

			enrol := fixture.Registration(t, "b")
			_, err = found.Register(enrol, fixture.Stamp())
			require.NoError(t, err)
			require.NoError(t, services.Save(t.Context(), found))
			require.NoError(t, store.DownForTest(t.Context(), before))
			_, err = store.Migrate(t.Context())
			require.NoError(t, err)
			found, err = services.FindWithInstances(t.Context(), fixture.ServiceName(t, "shop"))
			require.NoError(t, err)
			require.Len(t, found.Instances(), 1, "of one id the one that was registered last stays")
			assert.Equal(t, fixture.Ref(t, "b"), found.Instances()[0].Ref())
		})
	}
}
