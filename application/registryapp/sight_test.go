package registryapp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// within returns a caller with a role in some environments.
func within(t *testing.T, role access.Role, environments ...string) access.Caller {
	t.Helper()
	area := scope.Area{}
	for _, e := range environments {
		area.Environments = append(area.Environments, fixture.Environment(t, e))
	}
	return access.Caller{
		Actor: scope.Actor{KeyID: "narrowed", Name: "narrowed"}, Grants: access.Expand([]access.Grant{{Role: role, Area: area}}),
	}
}

// description is a registration of the shop without an instance.
func description(environment, url, metadata string) registryapp.Register {
	return registryapp.Register{
		ServiceName: shop, Environment: &environment, ServiceURL: &url, HealthCheckURL: new(url + "/health"),
		Metadata: []byte(metadata),
	}
}

// inProduction registers the shop in production, without an instance.
func inProduction(t *testing.T, b *bundle) {
	t.Helper()
	_, err := b.Register(t.Context(), fixture.Admin(), description("production", "http://shop:8080", `{"owner":"payments"}`))
	require.NoError(t, err)
}

func assertHidden(t *testing.T, s registry.State) {
	t.Helper()
	assert.Equal(t, registry.Details{}, s.Details)
}

func TestSharedDetailsNeedTheRightInEachEnvironment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inProduction(t, b)
	staging := within(t, access.RoleService, "staging")
	for field, in := range map[string]registryapp.Register{
		"service_url":      {ServiceURL: new("http://evil:8080")},
		"health_check_url": {HealthCheckURL: new("http://evil:8080")},
		"metadata":         {Metadata: []byte(`{"owner":"evil"}`)},
	} {
		in.ServiceName, in.Environment = shop, new("staging")
		if in.ServiceURL == nil {
			in.Host, in.Ports = new("shop"), map[string]int{"http": 8080}
		}
		_, err := b.Register(t.Context(), staging, in)
		require.ErrorIs(t, err, registry.ErrSharedDetails, field)
		assert.Equal(t, map[string]any{"required": "registry.write", "fields": []string{field}}, details(err),
			"an environment out of scope is not named")
	}
	_, err := b.Register(t.Context(), access.Caller{
		Actor:  staging.Actor,
		Grants: append(staging.Grants, within(t, access.RoleReader, "production").Grants...),
	}, description("staging", "http://evil:8080", `{}`))
	require.ErrorIs(t, err, registry.ErrSharedDetails)
	assert.Equal(t, []string{"production"}, details(err)["environments"], "one that it may read is")

	found, err := b.Read(t.Context(), fixture.Admin(), shop)
	require.NoError(t, err)
	assert.Equal(t, "http://shop:8080", found.Service.URL.String())
	assert.JSONEq(t, `{"owner":"payments"}`, found.Service.Metadata.JSON())
	require.Len(t, found.Instances, 1)

	both := within(t, access.RoleService, "staging", "production")
	_, err = b.Register(t.Context(), both, description("staging", "http://shop:9090", `{"owner":"shop"}`))
	require.NoError(t, err)
	found, err = b.Read(t.Context(), both, shop)
	require.NoError(t, err)
	assert.Equal(t, "http://shop:9090", found.Service.URL.String(), "the right in each environment suffices")
}

func TestInstancesElsewhereProtectSharedDetails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inProduction(t, b)
	b.registerIn(t, b.Service, "production", "a")
	staging := within(t, access.RoleService, "staging")
	_, err := b.Register(t.Context(), staging, registryapp.Register{ServiceName: shop, Metadata: []byte(`{}`)})
	require.ErrorIs(t, err, access.ErrForbidden)

	b.registerIn(t, b.Service, "staging", "b")
	_, err = b.Register(t.Context(), staging, registryapp.Register{ServiceName: shop, Metadata: []byte(`{}`)})
	require.ErrorIs(t, err, registry.ErrSharedDetails, "though only instances with ids are elsewhere")
	done, err := b.Register(t.Context(), staging, registryapp.Register{
		ServiceName: shop, ServiceURL: new("http://shop:8080"), Metadata: []byte(`{"owner":"payments"}`),
	})
	require.NoError(t, err, "what changes nothing is allowed")
	assertHidden(t, done.Service)
	_, err = b.Register(t.Context(), within(t, access.RoleService, "production"), registryapp.Register{
		ServiceName: shop, Metadata: []byte(`{}`),
	})
	require.ErrorIs(t, err, registry.ErrSharedDetails)
}

func TestOneEnvironmentIsDescribedByItsKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	staging := within(t, access.RoleService, "staging")
	for _, url := range []string{"http://shop:8080", "http://shop:9090"} {
		done, err := b.Register(t.Context(), staging, description("staging", url, `{"a":"b"}`))
		require.NoError(t, err)
		assert.Equal(t, url, done.Service.URL.String())
	}
	found, err := b.Read(t.Context(), staging, shop)
	require.NoError(t, err)
	assert.JSONEq(t, `{"a":"b"}`, found.Service.Metadata.JSON())
}

func TestSharedDetailsAreSeenWithEachEnvironment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inProduction(t, b)
	staging := within(t, access.RoleService, "staging")
	own := registration("s")
	own.Environment = new("staging")
	done, err := b.Register(t.Context(), staging, own)
	require.NoError(t, err)
	assertHidden(t, done.Service)
	assert.Equal(t, "http://s.internal:8080", done.Instance.Address.Base(), "it sees its instance")

	standIn := registryapp.Register{ServiceName: shop, Environment: new("staging"), ServiceURL: new("http://shop:8080")}
	require.NoError(t, b.DeregisterInstance(t.Context(), staging, registryapp.Target{ServiceName: shop, InstanceID: "s"}))
	done, err = b.Register(t.Context(), staging, standIn)
	require.NoError(t, err)
	assertHidden(t, done.Service)

	found, err := b.Read(t.Context(), staging, shop)
	require.NoError(t, err)
	assertHidden(t, found.Service)
	require.Len(t, found.Instances, 1)
	assert.Equal(t, "{}", found.Instances[0].Metadata.JSON(), "an instance has nothing of another environment")
	assert.True(t, found.Instances[0].HealthCheck.IsZero())
	reported, err := b.Report(t.Context(), staging, registryapp.Report{ServiceName: shop, Status: "healthy"})
	require.NoError(t, err, "the default instance in production is out of sight")
	assertHidden(t, reported.Service)
	amended, err := b.Amend(t.Context(), staging, registryapp.Amend{
		Target: registryapp.Target{ServiceName: shop, InstanceID: "default"}, Weight: new(2),
	})
	require.NoError(t, err)
	assertHidden(t, amended.Service)

	lists := func() {
		for by, hidden := range map[*access.Caller]bool{
			&staging: true, new(fixture.Admin()): false,
			new(within(t, access.RoleReader, "staging", "production")): false,
		} {
			listed, err := b.List(t.Context(), *by, registryapp.List{Window: scope.Window{Limit: 10}})
			require.NoError(t, err)
			healthy, err := b.Healthy(t.Context(), *by)
			require.NoError(t, err)
			for _, page := range []registryapp.Listing{listed, healthy} {
				require.Len(t, page.Items, 1)
				assert.Equal(t, hidden, page.Items[0].Service.URL.IsZero())
				assert.Equal(t, hidden, page.Items[0].Service.Metadata.JSON() == "{}")
			}
		}
	}
	lists()
	b.store.Fail(fault.ErrUnavailable)
	lists()
}

func TestEnvironmentsOutOfSightAreNotNamed(t *testing.T) {
	t.Parallel()
	in := registryapp.Target{ServiceName: shop, InstanceID: "a"}
	both := func(t *testing.T) (*bundle, int64, access.Caller) {
		t.Helper()
		b := setup(t)
		b.registerIn(t, b.Service, "production", "a")
		return b, b.registerIn(t, b.Service, "staging", "a"), within(t, access.RoleService, "staging")
	}

	t.Run("an id that is seen in one environment is the instance there", func(t *testing.T) {
		t.Parallel()
		b, epoch, staging := both(t)
		amended, err := b.Amend(t.Context(), staging, registryapp.Amend{Target: in, Weight: new(2)})
		require.NoError(t, err)
		assert.Equal(t, "staging", amended.Instances[0].Environment.String())
		_, err = b.Report(t.Context(), staging, registryapp.Report{ServiceName: shop, InstanceID: new("a"), Status: "healthy"})
		require.NoError(t, err)
		_, err = b.Heartbeat(t.Context(), staging, beat("a", epoch))
		require.NoError(t, err)
		require.NoError(t, b.DeregisterInstance(t.Context(), staging, in))
		assert.Empty(t, ids(t, b.Service, "staging"))
		assert.Equal(t, []string{"a"}, ids(t, b.Service, "production"))
		require.ErrorIs(t, b.DeregisterInstance(t.Context(), staging, in), registry.ErrInstanceNotFound)
	})

	t.Run("a heartbeat with another epoch names none, and one in sight alone is lost", func(t *testing.T) {
		t.Parallel()
		b, _, staging := both(t)
		_, err := b.Heartbeat(t.Context(), staging, beat("a", 99))
		require.ErrorIs(t, err, registry.ErrLeaseLost)
		assert.Empty(t, details(err))
		require.NoError(t, b.DeregisterInstance(t.Context(), staging, in))
		for _, id := range []string{"a", "unknown"} {
			_, err = b.Heartbeat(t.Context(), staging, beat(id, 99))
			require.ErrorIs(t, err, registry.ErrInstanceNotFound, "as for an instance that does not exist")
		}
	})

	t.Run("a service that is seen in one environment is removed there", func(t *testing.T) {
		t.Parallel()
		b, _, staging := both(t)
		everywhere := registryapp.Deregister{ServiceName: shop, Environment: registryapp.Everywhere}
		err := b.Deregister(t.Context(), staging, everywhere)
		require.ErrorIs(t, err, access.ErrForbidden)
		assert.Equal(t, map[string]any{"required": "registry.write"}, details(err))
		require.NoError(t, b.Deregister(t.Context(), staging, registryapp.Deregister{ServiceName: shop}))
		assert.Empty(t, ids(t, b.Service, "staging"))
		assert.Equal(t, []string{"a"}, ids(t, b.Service, "production"))
		require.ErrorIs(t, b.Deregister(t.Context(), staging, registryapp.Deregister{ServiceName: shop}), registry.ErrNotFound)
		require.ErrorIs(t, b.Deregister(t.Context(), staging, everywhere), registry.ErrNotFound)
	})

	t.Run("a report about a service out of sight is one about an unknown service", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.registerIn(t, b.Service, "production", "a")
		for _, service := range []string{shop, "unknown"} {
			for _, id := range []*string{nil, new("a")} {
				_, err := b.Report(t.Context(), within(t, access.RoleService, "staging"), registryapp.Report{
					ServiceName: service, InstanceID: id, Status: "healthy",
				})
				require.ErrorIs(t, err, registry.ErrInstanceNotFound)
			}
		}
	})

	t.Run("a caller that sees both has to name one", func(t *testing.T) {
		t.Parallel()
		b, _, _ := both(t)
		err := b.DeregisterInstance(t.Context(), within(t, access.RoleService, "staging", "production"), in)
		require.ErrorIs(t, err, registry.ErrEnvironmentRequired)
		assert.Equal(t, inBoth, details(err))
	})
}

// beat is a heartbeat of an instance of the shop, without its environment.
func beat(instance string, epoch int64) registryapp.Heartbeat {
	return registryapp.Heartbeat{ServiceName: shop, InstanceID: instance, Epoch: epoch}
}
