package configstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestVaultContract(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Vault(t, func(t *testing.T) contract.Sealed {
				store := open(t)
				configurations := configstore.New(store)
				content := func(token string) configuration.Content {
					if token == "" {
						return fixture.Plain(t, "plain")
					}
					return configuration.Sealed(token)
				}
				seal := func(t *testing.T, key string, deleted bool, tokens ...string) {
					t.Helper()
					c := fixture.Configuration(t, fixture.Key(key), fixture.Holding(content(tokens[0])))
					require.NoError(t, configurations.Save(t.Context(), c))
					for _, token := range tokens[1:] {
						_, err := c.Update(configuration.Draft{Content: content(token)}, fixture.Stamp())
						require.NoError(t, err)
						require.NoError(t, configurations.Save(t.Context(), c))
					}
					if deleted {
						require.NoError(t, c.Delete(fixture.Stamp()))
						require.NoError(t, configurations.Save(t.Context(), c))
					}
				}
				return contract.Sealed{Vault: configstore.NewVault(store), Seal: seal}
			}, nil)
		})
	}
}
