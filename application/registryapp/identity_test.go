package registryapp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// registerIn registers an instance of the shop in an environment through one
// replica.
func (b *bundle) registerIn(t *testing.T, s *registryapp.Service, environment, instance string) int64 {
	t.Helper()
	r := registration(instance)
	r.Environment = &environment
	done, err := s.Register(t.Context(), fixture.Admin(), r)
	require.NoError(t, err)
	assert.Equal(t, environment, done.Instance.Environment.String())
	return int64(done.Instance.Epoch)
}

// ids returns the ids that discovery lists in an environment.
func ids(t *testing.T, s *registryapp.Service, environment string) []string {
	t.Helper()
	v, err := s.Discover(fixture.Admin(), shop, environment)
	require.NoError(t, err)
	list := []string{}
	for _, i := range v.Select(catalogue.Selection{}) {
		list = append(list, i.ID.String())
	}
	return list
}

func details(err error) map[string]any {
	all := map[string]any{}
	for _, d := range fault.Of(err).Details() {
		all[d.Name] = d.Value
	}
	return all
}

var inBoth = map[string]any{"environments": []string{"production", "staging"}}

func TestOneIDInTwoEnvironments(t *testing.T) {
	t.Parallel()
	both := func(t *testing.T) (b *bundle, production, staging int64) {
		t.Helper()
		b = setup(t)
		return b, b.registerIn(t, b.Service, "production", "a"), b.registerIn(t, b.Service, "staging", "a")
	}

	t.Run("each has its own lease, and the epoch of a heartbeat selects it", func(t *testing.T) {
		t.Parallel()
		b, production, staging := both(t)
		for range 20 {
			b.run(t, 5*expireEvery)
			require.NoError(t, b.heartbeat(t, "a", production))
			require.NoError(t, b.heartbeat(t, "a", staging))
		}
		assert.Equal(t, []string{"a"}, ids(t, b.Service, "production"))
		assert.Equal(t, []string{"a"}, ids(t, b.Service, "staging"))
		require.ErrorIs(t, b.heartbeat(t, "a", staging+1), registry.ErrLeaseLost)
		assert.Equal(t, inBoth, details(b.heartbeat(t, "a", staging+1)))
	})

	t.Run("the lease of one expires without the other's", func(t *testing.T) {
		t.Parallel()
		b, _, staging := both(t)
		for range 40 {
			b.run(t, 4*expireEvery)
			require.NoError(t, b.heartbeat(t, "a", staging))
		}
		assert.Empty(t, ids(t, b.Service, "production"))
		assert.Equal(t, []string{"a"}, ids(t, b.Service, "staging"))
	})

	t.Run("a heartbeat that names the environment requires its epoch", func(t *testing.T) {
		t.Parallel()
		b, production, staging := both(t)
		results, err := b.Heartbeats(t.Context(), fixture.Admin(), []registryapp.Heartbeat{
			{ServiceName: shop, InstanceID: "a", Environment: "production", Epoch: production},
			{ServiceName: shop, InstanceID: "a", Environment: "production", Epoch: staging},
			{ServiceName: shop, InstanceID: "a", Epoch: staging},
			{ServiceName: shop, InstanceID: "a", Environment: "nowhere", Epoch: staging},
		})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		require.ErrorIs(t, results[1].Err, registry.ErrLeaseLost)
		require.NoError(t, results[2].Err)
		assert.Equal(t, []string{"environment"}, faulty(results[3].Err))
	})

	t.Run("other changes require the environment", func(t *testing.T) {
		t.Parallel()
		b, _, _ := both(t)
		admin := fixture.Admin()
		report := registryapp.Report{ServiceName: shop, InstanceID: new("a"), Status: "warning"}
		history := registryapp.HealthHistory{ServiceName: shop, InstanceID: new("a"), Window: scope.Window{Limit: 9}}
		amend := registryapp.Amend{Target: target("a"), Weight: new(7)}
		_, amended := b.Amend(t.Context(), admin, amend)
		_, reported := b.Report(t.Context(), admin, report)
		_, read := b.ReadHealthHistory(t.Context(), admin, history)
		for _, err := range []error{
			amended, reported, read, b.DeregisterInstance(t.Context(), admin, target("a")),
			b.Deregister(t.Context(), admin, service()),
		} {
			require.ErrorIs(t, err, registry.ErrEnvironmentRequired)
			assert.Equal(t, inBoth, details(err))
		}

		amend.Environment, report.Environment, history.Environment = "staging", "staging", "staging"
		done, err := b.Amend(t.Context(), admin, amend)
		require.NoError(t, err)
		assert.Equal(t, "staging", done.Instances[0].Environment.String())
		_, err = b.Report(t.Context(), admin, report)
		require.NoError(t, err)
		found, err := b.ReadHealthHistory(t.Context(), admin, history)
		require.NoError(t, err)
		require.Len(t, found.Items, 2)
		assert.Equal(t, "staging", found.Items[0].Environment.String())
		require.NoError(t, b.DeregisterInstance(t.Context(), admin, amend.Target))
		_, err = b.Report(t.Context(), admin, registryapp.Report{ServiceName: shop, InstanceID: new("a"), Status: "warning"})
		require.NoError(t, err, "a unique id decides")
		assert.Equal(t, []string{"a"}, ids(t, b.Service, "production"))
	})

	t.Run("a replica with a stale catalogue queries the store, and answers correctly", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.replica(t, "replica-2")
		require.NoError(t, other.Refresh(t.Context()))
		production := b.registerIn(t, b.Service, "production", "a")
		staging := b.registerIn(t, other, "staging", "a")
		for _, epoch := range []int64{production, staging} {
			for _, s := range []*registryapp.Service{b.Service, other} {
				_, err := s.Heartbeat(t.Context(), fixture.Admin(), registryapp.Heartbeat{
					ServiceName: shop, InstanceID: "a", Epoch: epoch,
				})
				require.NoError(t, err)
			}
		}
	})

	t.Run("a lease that is lost by the catalogue needs no query", func(t *testing.T) {
		t.Parallel()
		b, production, _ := both(t)
		b.registerIn(t, b.Service, "production", "a")
		b.store.Fail(fault.ErrUnavailable)
		require.ErrorIs(t, b.heartbeat(t, "a", production), registry.ErrLeaseLost)
	})
}

func TestDeregisteringAService(t *testing.T) {
	t.Parallel()
	admin := fixture.Admin()
	in := func(environment string) registryapp.Deregister {
		return registryapp.Deregister{ServiceName: shop, Environment: environment}
	}

	t.Run("in one environment it is removed there, with the leases", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		production, staging := b.registerIn(t, b.Service, "production", "a"), b.registerIn(t, b.Service, "staging", "a")
		require.NoError(t, b.Deregister(t.Context(), admin, in("staging")))
		assert.Empty(t, ids(t, b.Service, "staging"))
		require.NoError(t, b.heartbeat(t, "a", production))
		require.Error(t, b.heartbeat(t, "a", staging))
		require.ErrorIs(t, b.Deregister(t.Context(), admin, in("staging")), registry.ErrNotFound)
		require.NoError(t, b.Deregister(t.Context(), admin, in("")), "it lives in one alone")
		_, err := b.Discover(admin, shop, "")
		require.ErrorIs(t, err, registry.ErrNotFound)
	})

	t.Run("everywhere it is removed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.registerIn(t, b.Service, "production", "a")
		b.registerIn(t, b.Service, "staging", "b")
		require.ErrorIs(t, b.Deregister(t.Context(), admin, in("")), registry.ErrEnvironmentRequired)
		require.NoError(t, b.Deregister(t.Context(), admin, in(registryapp.Everywhere)))
		_, err := b.Discover(admin, shop, "")
		require.ErrorIs(t, err, registry.ErrNotFound)
	})

	t.Run("one without an instance is removed without an event", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		require.NoError(t, b.DeregisterInstance(t.Context(), admin, target("a")))
		require.NoError(t, b.Deregister(t.Context(), admin, in("")))
	})
}
