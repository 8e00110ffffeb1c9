package bunstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/flagstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// count returns the number of rows of a table, which a condition may follow.
func count(t *testing.T, store *bunstore.Store, table string) int {
	t.Helper()
	n, err := store.CountForTest(t.Context(), table)
	require.NoError(t, err)
	return n
}

// requireIn asserts how many rows a table has, its deleted ones, and ids.
func requireIn(t *testing.T, store *bunstore.Store, table, ids string, want [3]int) {
	t.Helper()
	require.Equal(t, want, [3]int{count(t, store, table), count(t, store, "deleted_"+table), count(t, store, ids)}, table)
}

func TestDeletedRowsHaveTablesOfTheirOwn(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("configurations", func(t *testing.T) { configurationsMove(t, open(t)) })
			t.Run("flags", func(t *testing.T) { flagsMove(t, open(t)) })
			t.Run("services", func(t *testing.T) { servicesMove(t, open(t)) })
		})
	}
}

func configurationsMove(t *testing.T, store *bunstore.Store) {
	repository := configstore.New(store)
	where := func(want [3]int) { requireIn(t, store, "configurations", "configuration_ids", want) }
	save := func(c *configuration.Configuration) { require.NoError(t, repository.Save(t.Context(), c)) }
	c := fixture.Configuration(t)
	save(c)
	where([3]int{1, 0, 1})
	require.NoError(t, c.Delete(fixture.Stamp()))
	save(c)
	where([3]int{0, 1, 1})
	require.NoError(t, c.Recreate(fixture.Draft(t, "again"), fixture.Stamp()))
	save(c)
	where([3]int{1, 0, 1})
	for range 2 { // deleted, created and deleted again in one save, from either table
		if !c.Deleted() {
			require.NoError(t, c.Delete(fixture.Stamp()))
		}
		require.NoError(t, c.Recreate(fixture.Draft(t, "once more"), fixture.Stamp()))
		require.NoError(t, c.Delete(fixture.Stamp()))
		save(c)
		where([3]int{0, 1, 1})
	}
	gone := fixture.Configuration(t, fixture.Key("gone"))
	require.NoError(t, gone.Delete(fixture.Stamp()))
	save(gone)
	where([3]int{0, 2, 2})
	require.ErrorIs(t, repository.Save(t.Context(), fixture.Configuration(t, fixture.Key("gone"))), scope.ErrAlreadyExists)
	where([3]int{0, 2, 2})

	stale, err := repository.Find(t.Context(), gone.ID())
	require.NoError(t, err)
	require.NoError(t, gone.Recreate(fixture.Draft(t, "v"), fixture.Stamp()))
	save(gone)
	require.NoError(t, stale.Recreate(fixture.Draft(t, "other"), fixture.Stamp()))
	require.ErrorIs(t, repository.Save(t.Context(), stale), scope.ErrStale)
	where([3]int{1, 1, 2})
}

func flagsMove(t *testing.T, store *bunstore.Store) {
	repository := flagstore.New(store)
	where := func(want [3]int) { requireIn(t, store, "feature_flags", "feature_flag_ids", want) }
	save := func(f *flag.Flag) { require.NoError(t, repository.Save(t.Context(), f)) }
	f := fixture.Flag(t, `{"name":"a"}`)
	save(f)
	where([3]int{1, 0, 1})
	before, err := repository.Counts(t.Context())
	require.NoError(t, err)

	require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE feature_flags SET rollout_percentage = 12, definition = '[]'"))
	damaged, err := repository.Find(t.Context(), f.ID())
	require.NoError(t, err)
	require.True(t, damaged.Damaged())
	require.NoError(t, damaged.Delete(fixture.Stamp()))
	save(damaged)
	where([3]int{0, 1, 1})
	after, err := repository.Counts(t.Context())
	require.NoError(t, err)
	environment := f.Identity().Environment
	assert.Equal(t, before[environment]+1, after[environment], "deleted flags are counted")
	assert.Equal(t, 1, count(t, store, "deleted_feature_flags WHERE rollout_percentage = 12"), "what is unreadable moves as it is")
}

func servicesMove(t *testing.T, store *bunstore.Store) {
	repository := registrystore.New(store)
	where := func(services, instances [2]int) {
		t.Helper()
		for i, prefix := range []string{"", "deleted_"} {
			assert.Equal(t, services[i], count(t, store, prefix+"service_registry"))
			assert.Equal(t, instances[i], count(t, store, prefix+"service_instances"))
		}
	}
	s := registry.New(fixture.ServiceName(t, "shop"))
	for _, id := range []string{"a", "b", "c"} {
		_, err := s.Register(fixture.Registration(t, id), fixture.Stamp())
		require.NoError(t, err)
	}
	save := func() { require.NoError(t, repository.Save(t.Context(), s)) }
	save()
	where([2]int{1, 0}, [2]int{3, 0})
	require.NoError(t, s.DeregisterInstance(fixture.Ref(t, "a"), fixture.Stamp()))
	save()
	where([2]int{1, 0}, [2]int{2, 1})
	_, err := s.Register(fixture.Registration(t, "a"), fixture.Stamp())
	require.NoError(t, err)
	save()
	where([2]int{1, 0}, [2]int{3, 0})
	pulse, err := repository.Pulse(t.Context())
	require.NoError(t, err)

	require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE service_instances SET definition = '{' WHERE instance_id = 'b'"))
	s, err = repository.FindWithInstances(t.Context(), fixture.ServiceName(t, "shop"))
	require.NoError(t, err)
	require.NoError(t, s.DeregisterInstance(fixture.Ref(t, "b"), fixture.Stamp()))
	save()
	where([2]int{1, 0}, [2]int{2, 1})
	require.NoError(t, s.Deregister(fixture.Stamp()))
	save()
	where([2]int{0, 1}, [2]int{0, 3})
	now, err := repository.Pulse(t.Context())
	require.NoError(t, err)
	assert.Equal(t, pulse+2, now, "deregistered services are in the pulse")
	_, err = s.Register(fixture.Registration(t, "c"), fixture.Stamp())
	require.NoError(t, err)
	save()
	where([2]int{1, 0}, [2]int{1, 2})
}

// TestDeletedTablesMigration migrates deleted rows from before they had tables of their
// own, up and down.
func TestDeletedTablesMigration(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Unmigrated() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := storetest.Migrated(t, open(t, storetest.Options())[0])
			const before = 15
			require.NoError(t, store.DownForTest(t.Context(), before))
			fill(t, store)
			_, err := store.Migrate(t.Context())
			require.NoError(t, err)
			requireIn(t, store, "configurations", "configuration_ids", [3]int{1, 1, 2})
			requireIn(t, store, "feature_flags", "feature_flag_ids", [3]int{1, 1, 2})
			requireIn(t, store, "service_registry", "service_ids", [3]int{1, 1, 2})
			assert.Equal(t, 1, count(t, store, "service_instances"))
			assert.Equal(t, 1, count(t, store, "deleted_service_instances"))

			configurations := configstore.New(store)
			gone, err := configurations.Find(t.Context(), 8)
			require.NoError(t, err)
			assert.True(t, gone.Deleted())
			history, err := configurations.Entries(t.Context(), 8, scope.Window{Limit: 9})
			require.NoError(t, err)
			assert.Equal(t, 1, history.Total)
			c := fixture.Configuration(t, fixture.Key("new"))
			require.NoError(t, configurations.Save(t.Context(), c))
			assert.Greater(t, int64(c.ID()), int64(8), "an id is never drawn again")

			require.NoError(t, store.DownForTest(t.Context(), before))
			for _, table := range []string{"feature_flags", "service_registry", "service_instances"} {
				assert.Equal(t, 2, count(t, store, table), table)
			}
			assert.Equal(t, 3, count(t, store, "configurations"))
			_, err = store.Migrate(t.Context())
			require.NoError(t, err)
			requireIn(t, store, "configurations", "configuration_ids", [3]int{2, 1, 3})
		})
	}
}

// fill inserts a row that exists and a deleted one into each table.
func fill(t *testing.T, store *bunstore.Store) {
	t.Helper()
	const at = "'2026-11-01T00:00:00.000000Z'"
	for id, deleted := range map[int]bool{7: false, 8: true} {
		for _, statement := range []string{
			fmt.Sprintf(`INSERT INTO configurations (id, key, value, environment, service_name, created_at, updated_at, is_deleted)
				VALUES (%d, 'k%[1]d', 'v', 'production', 'shop', `+at+`, `+at+`, %t)`, id, deleted),
			fmt.Sprintf(`INSERT INTO configuration_history (configuration_id, version, action, new_value, changed_at)
				VALUES (%d, 1, 'create', 'v', `+at+`)`, id),
			fmt.Sprintf(`INSERT INTO feature_flags (id, name, environment, definition, created_at, updated_at, is_deleted)
				VALUES (%d, 'f%[1]d', 'production', '{}', `+at+`, `+at+`, %t)`, id, deleted),
			fmt.Sprintf(`INSERT INTO feature_flag_history (flag_id, version, action, new_definition, changed_at)
				VALUES (%d, 1, 'create', '{}', `+at+`)`, id),
			fmt.Sprintf(`INSERT INTO service_registry (id, service_name, service_url, registered_at, updated_at, version, generation, is_deleted)
				VALUES (%d, 's%[1]d', 'http://h', `+at+`, `+at+`, 1, 1, %t)`, id, deleted),
			fmt.Sprintf(`INSERT INTO service_instances (service_id, instance_id, environment, definition, since, registered_at, updated_at,
				generation, is_removed) VALUES (%d, 'a', 'production', '{}', `+at+`, `+at+`, `+at+`, 1, %t)`, id, deleted),
			fmt.Sprintf(`INSERT INTO service_health_history (service_id, instance_id, environment, changed_at, from_status, to_status, reason)
				VALUES (%d, 'a', 'production', `+at+`, 'unknown', 'passing', 'registered')`, id),
		} {
			require.NoError(t, store.ExecForTest(t.Context(), statement))
		}
	}
}

// TestEarlierProgramsMarkNoRow runs on PostgreSQL, where programs of several versions
// may share a database, the statements of one from before deleted rows had tables.
func TestEarlierProgramsMarkNoRow(t *testing.T) {
	t.Parallel()
	store := storetest.Postgres(t)
	require.NoError(t, configstore.New(store).Save(t.Context(), fixture.Configuration(t)))
	require.NoError(t, flagstore.New(store).Save(t.Context(), fixture.Flag(t, `{"name":"a"}`)))
	s := registry.New(fixture.ServiceName(t, "shop"))
	_, err := s.Register(fixture.Registration(t, "a"), fixture.Stamp())
	require.NoError(t, err)
	require.NoError(t, registrystore.New(store).Save(t.Context(), s))
	for _, statement := range []string{
		"UPDATE configurations SET is_deleted = true", "UPDATE feature_flags SET is_deleted = true",
		"UPDATE service_registry SET is_deleted = true", "UPDATE service_instances SET is_removed = true",
	} {
		require.ErrorContains(t, storetest.Exec(t.Context(), store, statement), "upgrade this replica", statement)
	}
	require.ErrorContains(t, storetest.Exec(t.Context(), store,
		`INSERT INTO configurations (key, value, environment, service_name) VALUES ('k', 'v', 'production', 'shop')`),
		"not-null", "its creations fail, too")
	for _, table := range []string{"configurations", "feature_flags", "service_registry", "service_instances"} {
		assert.Equal(t, 1, count(t, store, table), table)
	}
	require.NoError(t, storetest.Exec(t.Context(), store, "UPDATE configurations SET value = 'its updates succeed', version = 2"))
}
