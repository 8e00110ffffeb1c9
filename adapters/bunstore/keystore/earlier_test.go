package keystore_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func in(t *testing.T, environments ...string) scope.Area {
	t.Helper()
	var area scope.Area
	for _, name := range environments {
		area.Environments = append(area.Environments, fixture.Environment(t, name))
	}
	return area
}

// TestKeysOfEarlierVersions reads rows without grants, which earlier versions have written.
func TestKeysOfEarlierVersions(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			keys := keystore.New(store)
			for id, row := range map[string]struct {
				role, reveal, environment string
				want                      []access.Grant
			}{
				"admin000": {"admin", "false", "", []access.Grant{{Role: access.RoleAdmin, Reveal: true}}},
				"reader00": {"reader", "false", "", []access.Grant{{Role: access.RoleReader}}},
				"reveal00": {"reader", "true", "", []access.Grant{{Role: access.RoleReader, Reveal: true}}},
				"service0": {"service", "false", "", []access.Grant{{Role: access.RoleService}}},
				"evaluate": {"evaluator", "false", "staging", []access.Grant{{Role: access.RoleEvaluator, Area: in(t, "staging")}}},
				"unbound0": {"evaluator", "false", "", nil},
				"unknown0": {"king", "false", "", nil},
			} {
				token, err := access.NewToken(id, fixture.Long(access.SecretLength))
				require.NoError(t, err)
				key, err := access.NewAPIKey(token, secret.New("a pepper that is long enough to be one"), access.KeyAttributes{
					Name: id, Grants: fixture.Granted(access.RoleReader), Created: fixture.Noon(),
				})
				require.NoError(t, err)
				require.NoError(t, keys.Create(t.Context(), key))
				require.NoError(t, storetest.Execf(t.Context(), store,
					"UPDATE api_keys SET grants = NULL, role = '%s', reveal = %s, environment = '%s' WHERE id = '%s'",
					row.role, row.reveal, row.environment, id))
				found, err := keys.Find(t.Context(), id)
				require.NoError(t, err)
				assert.Equal(t, row.want, found.Attributes().Grants, id)
				assert.Equal(t, row.want == nil, found.Attributes().Damaged, id)
				assert.Equal(t, row.want == nil, len(found.Grants()) == 0, id)
			}
		})
	}
}

// TestEarlierVersionsAllowNoMore reads what earlier versions read of keys that they cannot
// describe: a role that they reject.
func TestEarlierVersionsAllowNoMore(t *testing.T) {
	t.Parallel()
	store := storetest.Stores()["SQLite"](t)
	network := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	reader := fixture.Granted(access.RoleReader)
	for id, row := range map[string]struct {
		attributes access.KeyAttributes
		want       earlier
	}{
		"admin000": {access.KeyAttributes{Grants: fixture.Granted(access.RoleAdmin)}, earlier{Role: "admin", Reveal: true}},
		"reader00": {access.KeyAttributes{Grants: reader}, earlier{Role: "reader"}},
		"service0": {access.KeyAttributes{Grants: fixture.Granted(access.RoleService)}, earlier{Role: "service"}},
		"reveal00": {
			access.KeyAttributes{Grants: []access.Grant{{Role: access.RoleReader, Reveal: true}}},
			earlier{Role: "reader", Reveal: true},
		},
		"evaluate": {
			access.KeyAttributes{Grants: []access.Grant{{Role: access.RoleEvaluator, Area: in(t, "staging")}}},
			earlier{Role: "evaluator", Environment: "staging"},
		},
		"several0": {
			access.KeyAttributes{Grants: []access.Grant{{Role: access.RoleEvaluator, Area: in(t, "staging", "production")}}},
			earlier{Role: "scoped"},
		},
		"scoped00": {
			access.KeyAttributes{Grants: []access.Grant{{Role: access.RoleAdmin, Area: in(t, "staging")}}},
			earlier{Role: "scoped"},
		},
		"narrow00": {
			access.KeyAttributes{Grants: []access.Grant{{Role: access.RoleReader, Area: scope.Area{Prefixes: []string{"a"}}}}},
			earlier{Role: "scoped"},
		},
		"editor00": {access.KeyAttributes{Grants: fixture.Granted(access.RoleEditor)}, earlier{Role: "scoped"}},
		"two00000": {access.KeyAttributes{Grants: append(reader, fixture.Granted(access.RoleService)...)}, earlier{Role: "scoped"}},
		"network0": {access.KeyAttributes{Grants: reader, Networks: network}, earlier{Role: "scoped"}},
		"later000": {access.KeyAttributes{Grants: reader, NotBefore: fixture.Noon().Add(time.Hour)}, earlier{Role: "scoped"}},
	} {
		token, err := access.NewToken(id, fixture.Long(access.SecretLength))
		require.NoError(t, err)
		row.attributes.Name, row.attributes.Created = id, fixture.Noon()
		key, err := access.NewAPIKey(token, secret.New("a pepper that is long enough to be one"), row.attributes)
		require.NoError(t, err)
		require.NoError(t, keystore.New(store).Create(t.Context(), key))
		var got earlier
		q := store.NewSelect().Table("api_keys").Column("role", "reveal", "environment").Where("id = ?", id)
		require.NoError(t, bunstore.ScanSelect(t.Context(), q, 1, &got))
		assert.Equal(t, row.want, got, id)
	}
}

// earlier is what earlier versions read.
type earlier struct {
	Role        string
	Reveal      bool
	Environment string
}
