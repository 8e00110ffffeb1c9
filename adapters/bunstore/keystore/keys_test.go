package keystore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestKeysContract(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Keys(t, func(t *testing.T) access.Keys { return keystore.New(open(t)) }, nil)
			contract.KeyUses(t, func(t *testing.T) contract.KeyStore {
				keys := keystore.New(open(t))
				return contract.KeyStore{Keys: keys, Uses: keys}
			}, nil)
			contract.Trust(t, func(t *testing.T) contract.TrustStore {
				store := open(t)
				return contract.TrustStore{Trust: keystore.NewTrust(store), Keys: keystore.New(store)}
			}, nil)
		})
	}
}

func TestKeysAreListedInPages(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := keystore.New(open(t))
			const count = 501 // one more than a page
			want := make([]string, count)
			for i := range count {
				want[i] = fmt.Sprintf("page%04d", i)
				token, err := access.NewToken(want[i], fixture.Long(access.SecretLength))
				require.NoError(t, err)
				key, err := access.NewAPIKey(token, secret.New("a pepper that is long enough to be one"), access.KeyAttributes{
					Name: want[i], Grants: fixture.Granted(access.RoleReader), Created: fixture.Noon(),
				})
				require.NoError(t, err)
				require.NoError(t, keys.Create(t.Context(), key))
			}
			list, err := keys.List(t.Context(), scope.Window{Limit: 1000})
			require.NoError(t, err)
			got := make([]string, len(list.Items))
			for i, key := range list.Items {
				got[i] = key.Attributes().ID
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestDamagedKeyGrantsNothingAndCanBeRevoked(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			const pepper = "a pepper that is long enough to be one"
			for _, id := range []string{"aaaaaaaa", "bbbbbbbb"} {
				token, err := access.NewToken(id, fixture.Long(access.SecretLength))
				require.NoError(t, err)
				key, err := access.NewAPIKey(token, secret.New(pepper), access.KeyAttributes{
					Name: id, Grants: fixture.Granted(access.RoleAdmin), Created: fixture.Noon(),
				})
				require.NoError(t, err)
				require.NoError(t, keystore.New(store).Create(t.Context(), key))
			}
			const king = `UPDATE api_keys SET grants = '[{"role":"king"}]' WHERE id = 'aaaaaaaa'`
			require.NoError(t, storetest.Execf(t.Context(), store, king))
			list, err := keystore.New(store).List(t.Context(), scope.Window{Limit: 10})
			require.NoError(t, err)
			require.Len(t, list.Items, 2)
			assert.Equal(t, []bool{true, false}, []bool{list.Items[0].Attributes().Damaged, list.Items[1].Attributes().Damaged})
			damaged, err := keystore.New(store).Find(t.Context(), "aaaaaaaa")
			require.NoError(t, err)
			assert.False(t, damaged.ValidAt(fixture.Noon().Add(time.Minute)))
			assert.Empty(t, damaged.Grants())
			assert.Equal(t, int64(1), store.DamagedRows())
			require.NoError(t, fixture.Revoke(t.Context(), keystore.New(store), "aaaaaaaa", fixture.Noon()))
			assert.Zero(t, store.DamagedRows())
		})
	}
}
