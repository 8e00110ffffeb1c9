package bunstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func execf(ctx context.Context, store *bunstore.Store, statement string, args ...any) error {
	return store.ExecForTest(ctx, fmt.Sprintf(statement, args...))
}

// damageOf makes rows of configurations break a rule.
func damageOf(store *bunstore.Store) contract.Damage {
	return contract.Damage{
		Row: func(ctx context.Context, id int64) error {
			return execf(ctx, store, "UPDATE configurations SET description = '%s' WHERE id = %d", strings.Repeat("x", 5000), id)
		},
		Version: func(ctx context.Context, id, version int64) error {
			return execf(ctx, store, "UPDATE configuration_history SET action = '?' WHERE configuration_id = %d AND version = %d",
				id, version)
		},
	}
}

// flagDamageOf makes rows of flags break a rule.
func flagDamageOf(store *bunstore.Store) contract.Damage {
	return contract.Damage{
		Row: func(ctx context.Context, id int64) error {
			return execf(ctx, store, "UPDATE feature_flags SET definition = '[]' WHERE id = %d", id)
		},
		Version: func(ctx context.Context, id, version int64) error {
			return execf(ctx, store, "UPDATE feature_flag_history SET new_definition = '{}' WHERE flag_id = %d AND version = %d",
				id, version)
		},
	}
}

// serviceDamageOf makes rows of services break a rule.
func serviceDamageOf(store *bunstore.Store) contract.Damage {
	return contract.Damage{
		Row: func(ctx context.Context, id int64) error {
			return execf(ctx, store, "UPDATE service_registry SET service_url = 'http://[fe80::1%%eth0]:8080' WHERE id = %d", id)
		},
		Instance: func(ctx context.Context, service int64, instance string) error {
			return execf(ctx, store, "UPDATE service_instances SET definition = '{' WHERE service_id = %d AND instance_id = '%s'",
				service, instance)
		},
		Transitions: func(ctx context.Context, service int64) error {
			return execf(ctx, store, "UPDATE service_health_history SET to_status = '?' WHERE service_id = %d", service)
		},
	}
}

// told collects what a store tells of damaged rows.
type told struct {
	mu   sync.Mutex
	rows []bunstore.DamagedRow
}

func (d *told) note(r bunstore.DamagedRow) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows = append(d.rows, r)
}

func tellingStore(t *testing.T) (*bunstore.Store, *told) {
	t.Helper()
	d := &told{}
	o := options()
	o.Damaged = d.note
	store, err := bunstore.OpenSQLite(t.Context(), bunstore.Memory, o)
	require.NoError(t, err)
	closeAfter(t, store)
	return migrated(t, store), d
}

func TestDamagedRowIsToldOnceAndCounted(t *testing.T) {
	t.Parallel()
	store, d := tellingStore(t)
	c := fixture.Configuration(t)
	require.NoError(t, store.Configurations().Save(t.Context(), c, fixture.Configuration(t, fixture.Key("other"))))
	require.NoError(t, execf(t.Context(), store, "UPDATE configurations SET environment = 'A secret' WHERE id = %d", c.ID()))
	require.NoError(t, store.Inspect(t.Context()))
	for range 3 {
		found, err := store.Configurations().Find(t.Context(), c.ID())
		require.NoError(t, err)
		require.Error(t, found.Damage())
	}
	require.Len(t, d.rows, 1)
	assert.Equal(t, "configurations", d.rows[0].Table)
	assert.Equal(t, fmt.Sprint(c.ID()), d.rows[0].ID)
	assert.Contains(t, d.rows[0].Why, "environment must be")
	assert.NotContains(t, d.rows[0].Why, "secret")
	assert.Equal(t, int64(1), store.DamagedRows())

	// What was deleted needs nobody to act; what was mended is found to be so.
	found, err := store.Configurations().Find(t.Context(), c.ID())
	require.NoError(t, err)
	require.NoError(t, found.Delete(fixture.Stamp()))
	require.NoError(t, store.Configurations().Save(t.Context(), found))
	assert.Zero(t, store.DamagedRows())
	require.NoError(t, execf(t.Context(), store, "UPDATE configurations SET created_at = 'yesterday', is_deleted = false"))
	require.NoError(t, store.Inspect(t.Context()))
	assert.Equal(t, int64(2), store.DamagedRows())
	require.NoError(t, execf(t.Context(), store,
		"UPDATE configurations SET created_at = '2026-01-01T00:00:00.000000Z', environment = 'production'"))
	require.NoError(t, store.Inspect(t.Context()))
	assert.Zero(t, store.DamagedRows())
}

func TestRowWithAColumnOfAnotherTypeCostsItselfAlone(t *testing.T) {
	t.Parallel()
	for column, table := range map[string]string{
		"is_deleted": "configurations", "version": "configurations", "description": "configurations",
	} {
		t.Run(table+" "+column, func(t *testing.T) {
			t.Parallel()
			store, d := tellingStore(t)
			one, other := fixture.Configuration(t, fixture.Key("a")), fixture.Configuration(t, fixture.Key("b"))
			require.NoError(t, store.Configurations().Save(t.Context(), one, other))
			value := "'neither'"
			if column == "description" {
				value = "x'ff'"
			}
			require.NoError(t, execf(t.Context(), store, "UPDATE %s SET %s = %s WHERE id = %d", table, column, value, one.ID()))
			found, err := store.Configurations().Find(t.Context(), one.ID())
			require.NoError(t, err)
			require.Error(t, found.Damage())
			assert.Equal(t, one.ID(), found.ID())
			whole, err := store.Configurations().Find(t.Context(), other.ID())
			require.NoError(t, err)
			require.NoError(t, whole.Damage())
			page, err := store.Configurations().List(t.Context(), configuration.Query{Limit: 10})
			require.NoError(t, err)
			assert.Equal(t, len(page.Items), page.Total)
			assert.Len(t, d.rows, 1)
		})
	}
}

func TestDamagedKeyOpensNothingAndCanBeRevoked(t *testing.T) {
	t.Parallel()
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			const pepper = "a pepper that is long enough to be one"
			for _, id := range []string{"aaaaaaaa", "bbbbbbbb"} {
				token, err := access.NewToken(id, fixture.Long(access.SecretLength))
				require.NoError(t, err)
				key, err := access.NewAPIKey(token, secret.New(pepper), access.KeyAttributes{
					Name: id, Role: access.RoleAdmin, Created: fixture.Noon(),
				})
				require.NoError(t, err)
				require.NoError(t, store.Keys().Create(t.Context(), key))
			}
			require.NoError(t, execf(t.Context(), store, "UPDATE api_keys SET role = 'king' WHERE id = 'aaaaaaaa'"))
			list, err := store.Keys().List(t.Context())
			require.NoError(t, err)
			require.Len(t, list, 2)
			assert.Equal(t, []bool{true, false}, []bool{list[0].Attributes().Damaged, list[1].Attributes().Damaged})
			damaged, err := store.Keys().Find(t.Context(), "aaaaaaaa")
			require.NoError(t, err)
			assert.False(t, damaged.HoldsAt(fixture.Noon().Add(time.Minute)))
			assert.Empty(t, damaged.Grants())
			assert.Equal(t, int64(1), store.DamagedRows())
			require.NoError(t, store.Keys().Revoke(t.Context(), "aaaaaaaa", fixture.Noon()))
			assert.Zero(t, store.DamagedRows())
		})
	}
}

func TestDeregisteringAServiceSettlesItsDamage(t *testing.T) {
	t.Parallel()
	store, _ := tellingStore(t)
	s := registry.New(fixture.ServiceName(t, "shop"))
	_, err := s.Register(fixture.Registration(t, "a"), fixture.Stamp())
	require.NoError(t, err)
	require.NoError(t, store.Services().Save(t.Context(), s))
	damage := serviceDamageOf(store)
	require.NoError(t, damage.Row(t.Context(), int64(s.State().ID)))
	require.NoError(t, damage.Instance(t.Context(), int64(s.State().ID), "a"))
	require.NoError(t, store.Inspect(t.Context()))
	assert.Equal(t, int64(2), store.DamagedRows())
	found, err := store.Services().Find(t.Context(), s.State().Name)
	require.NoError(t, err)
	require.NoError(t, found.Deregister(fixture.Stamp()))
	require.NoError(t, store.Services().Save(t.Context(), found))
	assert.Zero(t, store.DamagedRows())
}

func TestRowWithoutAVersionThatCanBeReadIsDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"'x'", "1.5", "0", "x'ff'"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			store, _ := tellingStore(t)
			c, f := fixture.Configuration(t), fixture.Flag(t, `{"is_enabled":true}`)
			require.NoError(t, store.Configurations().Save(t.Context(), c))
			_, err := c.Update(fixture.Draft(t, "second"), fixture.Stamp())
			require.NoError(t, err)
			require.NoError(t, store.Configurations().Save(t.Context(), c))
			require.NoError(t, store.Flags().Save(t.Context(), f))
			require.NoError(t, execf(t.Context(), store, "UPDATE configurations SET version = %s", value))
			require.NoError(t, execf(t.Context(), store, "UPDATE feature_flags SET version = %s", value))
			require.NoError(t, store.Inspect(t.Context()))
			assert.Equal(t, int64(2), store.DamagedRows())

			found, err := store.Configurations().Find(t.Context(), c.ID())
			require.NoError(t, err)
			require.Error(t, found.Damage())
			assert.Equal(t, configuration.Version(2), found.Version(), "the history goes on")
			require.NoError(t, found.Delete(fixture.Stamp()))
			require.NoError(t, store.Configurations().Save(t.Context(), found))
			found, err = store.Configurations().FindByIdentity(t.Context(), c.Identity())
			require.NoError(t, err)
			require.NoError(t, found.Damage())
			assert.Equal(t, []any{true, configuration.Version(3)}, []any{found.Deleted(), found.Version()})

			mended, err := store.Flags().Find(t.Context(), f.ID())
			require.NoError(t, err)
			first, err := store.Flags().Entry(t.Context(), f.ID(), 1)
			require.NoError(t, err)
			_, err = mended.RollBack(first, fixture.Stamp())
			require.NoError(t, err)
			require.NoError(t, store.Flags().Save(t.Context(), mended))
			require.NoError(t, execf(t.Context(), store, "UPDATE feature_flags SET version = %s", value))
			gone, err := store.Flags().Find(t.Context(), f.ID())
			require.NoError(t, err)
			require.NoError(t, gone.Delete(fixture.Stamp()))
			require.NoError(t, store.Flags().Save(t.Context(), gone))
			gone, err = store.Flags().Find(t.Context(), f.ID())
			require.NoError(t, err)
			assert.Equal(t, []any{true, scope.Version(3)}, []any{gone.Deleted(), gone.Version()})
			assert.Zero(t, store.DamagedRows())
		})
	}
}

func TestServiceWithoutACounterThatCanBeReadIsDeregistered(t *testing.T) {
	t.Parallel()
	for _, column := range []string{"version", "generation", "last_epoch", "instances_total", "purged_generation"} {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			store, _ := tellingStore(t)
			s := registry.New(fixture.ServiceName(t, "shop"))
			_, err := s.Register(fixture.Registration(t, "a"), fixture.Stamp())
			require.NoError(t, err)
			require.NoError(t, store.Services().Save(t.Context(), s))
			before := s.State()
			require.NoError(t, execf(t.Context(), store, "UPDATE service_registry SET %s = 'x'", column))
			found, err := store.Services().FindWhole(t.Context(), before.Name)
			require.NoError(t, err)
			require.Error(t, found.Damage())
			require.NoError(t, found.Deregister(fixture.Stamp()))
			require.NoError(t, store.Services().Save(t.Context(), found))
			gone, err := store.Services().FindWhole(t.Context(), before.Name)
			require.NoError(t, err)
			assert.True(t, gone.Deleted())
			assert.Greater(t, gone.State().Version, before.Version)
			assert.Greater(t, gone.State().Generation, before.Generation)
			assert.Zero(t, store.DamagedRows())
		})
	}
}

func TestDamagedChangeStopsNobody(t *testing.T) {
	t.Parallel()
	for column, value := range map[string]string{
		"aggregate_version": "'x'", "aggregate_id": "'x'", "occurred_at": "'yesterday'",
	} {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			store, d := tellingStore(t)
			c := fixture.Configuration(t)
			require.NoError(t, store.Configurations().Save(t.Context(), c, fixture.Configuration(t, fixture.Key("other")),
				fixture.Configuration(t, fixture.Key("third"))))
			_, err := store.Feed().Sequence(t.Context(), 10)
			require.NoError(t, err)
			require.NoError(t, execf(t.Context(), store, "UPDATE changes SET %s = %s WHERE revision = 2", column, value))
			for range 2 {
				list, err := store.Feed().Changes(t.Context(), ports.ChangeQuery{Limit: 10})
				require.NoError(t, err)
				require.Len(t, list, 3)
				for i, found := range list {
					assert.Equal(t, int64(i+1), found.Revision)
					assert.Equal(t, configuration.AggregateType, found.AggregateType)
					assert.Contains(t, string(found.Data), `"key"`)
				}
				assert.Equal(t, []int64{1, 1}, []int64{list[0].AggregateVersion, list[2].AggregateVersion})
				assert.Equal(t, column == "aggregate_version", list[1].AggregateVersion == 0)
			}
			require.Len(t, d.rows, 1)
			assert.Equal(t, []string{"changes", "2"}, []string{d.rows[0].Table, d.rows[0].ID})
			assert.Equal(t, int64(1), store.DamagedRows())

			all := ports.Retention{Published: map[string]int64{configuration.AggregateType: 3}}
			n, err := store.Feed().Purge(t.Context(), all, 10)
			require.NoError(t, err)
			assert.Equal(t, 3, n)
			assert.Zero(t, store.DamagedRows(), "what is purged needs nobody to act")
		})
	}
}
