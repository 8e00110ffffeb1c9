package registrystore_test

import (
	"context"
	"testing"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestServicesContract(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Services(t, func(t *testing.T) contract.StoredServices {
				store := open(t)
				services := registrystore.New(store)
				return contract.StoredServices{
					Repository: services, History: services, Source: services, Outbox: storetest.Outbox(store),
					Damage:      damageOf(store),
					FailCommits: storetest.FailCommits(store, "outbox"),
				}
			}, nil)
		})
	}
}

// damageOf makes rows of services break a rule.
func damageOf(store *bunstore.Store) contract.Damage {
	return contract.Damage{
		Row: func(ctx context.Context, id int64) error {
			return storetest.Execf(ctx, store, "UPDATE service_registry SET service_url = 'http://[fe80::1%%eth0]:8080' WHERE id = %d", id)
		},
		Instance: func(ctx context.Context, service int64, instance string) error {
			return storetest.Execf(ctx, store, "UPDATE service_instances SET definition = '{' WHERE service_id = %d AND instance_id = '%s'",
				service, instance)
		},
		Transitions: func(ctx context.Context, service int64) error {
			return storetest.Execf(ctx, store, "UPDATE service_health_history SET to_status = '?' WHERE service_id = %d", service)
		},
	}
}
