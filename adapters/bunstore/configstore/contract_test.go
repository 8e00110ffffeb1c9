package configstore_test

import (
	"context"
	"strings"
	"testing"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestRepositoryContract(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Repository(t, func(t *testing.T) contract.Stored {
				store := open(t)
				configurations := configstore.New(store)
				return contract.Stored{
					Repository: configurations, History: configurations, Outbox: storetest.Outbox(store),
					Damage:      damageOf(store),
					FailCommits: storetest.FailCommits(store, "outbox"),
				}
			}, nil)
		})
	}
}

// damageOf makes rows of configurations break a rule.
func damageOf(store *bunstore.Store) contract.Damage {
	return contract.Damage{
		Row: func(ctx context.Context, id int64) error {
			return storetest.Execf(ctx, store, "UPDATE configurations SET description = '%s' WHERE id = %d", strings.Repeat("x", 5000), id)
		},
		Version: func(ctx context.Context, id, version int64) error {
			return storetest.Execf(ctx, store, "UPDATE configuration_history SET action = '?' WHERE configuration_id = %d AND version = %d",
				id, version)
		},
	}
}
