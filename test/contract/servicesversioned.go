package contract

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// versioned returns the store as one of versioned aggregates. The instances of a service
// are not part of it.
func (s StoredServices) versioned() VersionedStore[*registry.Service] {
	enrollAs := func(service *registry.Service, instance string, stamp scope.Stamp) error {
		id, err := registry.ParseInstanceID(instance)
		if err != nil {
			return err
		}
		url, err := registry.ParseURL("service_url", "http://shop.internal:8080")
		if err != nil {
			return err
		}
		fallback, err := scope.ParseEnvironment("production")
		if err != nil {
			return err
		}
		_, err = service.Register(registry.Registration{Instance: id, URL: &url, Fallback: fallback}, stamp)
		return err
	}
	return VersionedStore[*registry.Service]{
		AggregateType: registry.AggregateType, NotFound: registry.ErrNotFound, Save: s.Save,
		Find: func(ctx context.Context, id int64) (*registry.Service, error) {
			return s.Since(ctx, registry.ID(id), 0)
		},
		FindByIdentity: func(ctx context.Context, service *registry.Service) (*registry.Service, error) {
			return s.Find(ctx, service.State().Name)
		},
		Outbox: s.Outbox, FailCommits: s.FailCommits,
		ID:      func(service *registry.Service) int64 { return int64(service.ID()) },
		State:   func(service *registry.Service) any { return service.State() },
		Changed: func(service *registry.Service) bool { return !service.Unsaved().Empty() },
		New: func(t *testing.T, name string, stamp scope.Stamp) *registry.Service {
			t.Helper()
			service := registry.New(fixture.ServiceName(t, name))
			require.NoError(t, enrollAs(service, "a", stamp))
			return service
		},
		Change: enrollAs,
		Delete: (*registry.Service).Deregister,
		Recreate: func(t *testing.T, service *registry.Service, stamp scope.Stamp) {
			t.Helper()
			require.NoError(t, enrollAs(service, "a", stamp))
		},
	}
}
