package registrystore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestStoredCheckTimeoutIsCapped(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			check, err := health.ParseCheck(health.Spec{Type: "tcp", IntervalSeconds: new(60), TimeoutMS: new(9_999)})
			require.NoError(t, err)
			r := fixture.Registration(t, "a")
			r.Check = &check
			service := registry.New(fixture.ServiceName(t, "shop"))
			_, err = service.Register(r, fixture.Stamp())
			require.NoError(t, err)
			require.NoError(t, registrystore.New(store).Save(t.Context(), service))
			require.NoError(t, storetest.Exec(t.Context(), store,
				`UPDATE service_instances SET definition = replace(definition, '"timeout_ms":9999', '"timeout_ms":45000')`))
			found, err := registrystore.New(store).FindWithInstances(t.Context(), fixture.ServiceName(t, "shop"))
			require.NoError(t, err)
			assert.Equal(t, health.MaxTimeout, found.Instances()[0].Check.Timeout)
		})
	}
}
