package bunstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Run(m)) }

func options() bunstore.Options {
	return bunstore.Options{IDs: system.NewIDs()}
}

// stores are the ways to open an empty store, by name.
func stores() map[string]func(*testing.T) *bunstore.Store {
	return map[string]func(*testing.T) *bunstore.Store{
		"SQLite": sqliteStore, "SQLite in memory": memoryStore, "PostgreSQL": postgresStore,
	}
}

func sqliteStore(t *testing.T) *bunstore.Store {
	t.Helper()
	return migrated(t, openSQLite(t, filepath.Join(t.TempDir(), "signalbox.db")))
}

func memoryStore(t *testing.T) *bunstore.Store {
	t.Helper()
	return migrated(t, openSQLite(t, bunstore.Memory))
}

func openSQLite(t *testing.T, path string) *bunstore.Store {
	t.Helper()
	store, err := bunstore.OpenSQLite(t.Context(), path, options())
	require.NoError(t, err)
	closeAfter(t, store)
	return store
}

func postgresStore(t *testing.T) *bunstore.Store {
	t.Helper()
	return openPostgres(t, harness.Postgres(t, migrate))
}

func openPostgres(t *testing.T, url string) *bunstore.Store {
	t.Helper()
	store, err := bunstore.OpenPostgres(t.Context(), url, options())
	require.NoError(t, err)
	closeAfter(t, store)
	return store
}

func closeAfter(t *testing.T, store *bunstore.Store) {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, store.Close()) })
}

func migrated(t *testing.T, store *bunstore.Store) *bunstore.Store {
	t.Helper()
	_, err := store.Migrate(t.Context())
	require.NoError(t, err)
	return store
}

// migrate prepares the template of PostgreSQL's databases.
func migrate(ctx context.Context, url string) error {
	store, err := bunstore.OpenPostgres(ctx, url, options())
	if err != nil {
		return err
	}
	if _, err := store.Migrate(ctx); err != nil {
		return err
	}
	return store.Close()
}

func TestRepositoryContract(t *testing.T) {
	t.Parallel()
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Repository(t, func(t *testing.T) contract.Stored {
				store := open(t)
				return contract.Stored{
					Repository: store.Configurations(), History: store.Configurations(), Outbox: store.OutboxForTest,
					Damage:      damageOf(store),
					FailCommits: failCommits(store, "outbox"),
				}
			}, nil)
		})
	}
}

func TestReplicasContract(t *testing.T) {
	t.Parallel()
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Replicas(t, func(t *testing.T) contract.Announced {
				store := open(t)
				return contract.Announced{Replicas: store.Replicas(), Age: func(ctx context.Context, d time.Duration) error {
					return store.ExecForTest(ctx, fmt.Sprintf("UPDATE replicas SET seen_at = seen_at - %d", int(d.Seconds())))
				}}
			}, nil)
		})
	}
}

func TestFlagsContract(t *testing.T) {
	t.Parallel()
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Flags(t, func(t *testing.T) contract.StoredFlags {
				store := open(t)
				flags := store.Flags()
				return contract.StoredFlags{
					Repository: flags, History: flags, Source: flags, Outbox: store.OutboxForTest,
					Damage:      flagDamageOf(store),
					FailCommits: failCommits(store, "outbox"),
				}
			}, nil)
		})
	}
}

func TestServicesContract(t *testing.T) {
	t.Parallel()
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Services(t, func(t *testing.T) contract.StoredServices {
				store := open(t)
				services := store.Services()
				return contract.StoredServices{
					Repository: services, History: services, Source: services, Outbox: store.OutboxForTest,
					Damage:      serviceDamageOf(store),
					FailCommits: failCommits(store, "outbox"),
				}
			}, nil)
		})
	}
}

func TestKeysContract(t *testing.T) {
	t.Parallel()
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Keys(t, func(t *testing.T) access.Keys { return open(t).Keys() }, nil)
		})
	}
}

func fedStore(t *testing.T, open func(*testing.T) *bunstore.Store) contract.FedStore {
	t.Helper()
	store := open(t)
	return contract.FedStore{
		Feed: store.Feed(), Deliveries: store.Deliveries(), Configurations: store.Configurations(),
	}
}

func TestFeedContract(t *testing.T) {
	t.Parallel()
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Feed(t, func(t *testing.T) contract.FedStore { return fedStore(t, open) }, nil)
		})
	}
}

func TestDeliveriesContract(t *testing.T) {
	t.Parallel()
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Deliveries(t, func(t *testing.T) contract.FedStore { return fedStore(t, open) }, nil)
		})
	}
}

func TestLeadershipContract(t *testing.T) {
	t.Parallel()
	const theFile = "the process that has SQLite's file leads; there is no other"
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			without := contract.Without{}
			if name != "PostgreSQL" {
				without = contract.Without{
					"two do not lead": theFile, "who resigns lets another one lead, and may come back": theFile,
				}
			}
			contract.Leadership(t, func(t *testing.T) contract.Rivals {
				store := open(t)
				return contract.Rivals{One: store.Leadership(), Other: store.Leadership()}
			}, without)
		})
	}
}
