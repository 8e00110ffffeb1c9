package flagstore_test

import (
	"context"
	"testing"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/flagstore"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestFlagsContract(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Flags(t, func(t *testing.T) contract.StoredFlags {
				store := open(t)
				flags := flagstore.New(store)
				return contract.StoredFlags{
					Repository: flags, History: flags, Source: flags, Outbox: storetest.Outbox(store),
					Damage:      damageOf(store),
					FailCommits: storetest.FailCommits(store, "outbox"),
				}
			}, nil)
		})
	}
}

// damageOf makes rows of flags break a rule.
func damageOf(store *bunstore.Store) contract.Damage {
	return contract.Damage{
		Row: func(ctx context.Context, id int64) error {
			return storetest.Execf(ctx, store, "UPDATE feature_flags SET definition = '[]' WHERE id = %d", id)
		},
		Version: func(ctx context.Context, id, version int64) error {
			return storetest.Execf(ctx, store, "UPDATE feature_flag_history SET new_definition = '{}' WHERE flag_id = %d AND version = %d",
				id, version)
		},
	}
}
