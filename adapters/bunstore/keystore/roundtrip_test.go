package keystore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestKeysRoundTrip(t *testing.T) {
	t.Parallel()
	const pepper = "a pepper that is long enough to be one"
	storetest.EachStore(t, func(t *rapid.T, store *bunstore.Store, n int) {
		token, err := access.NewToken(fmt.Sprintf("%08d", n), fixture.Long(access.SecretLength))
		require.NoError(t, err)
		created := storetest.DrawStamp(t, "created").At
		attributes := access.KeyAttributes{
			Name: storetest.DrawText().Draw(t, "name"), Role: rapid.SampledFrom([]access.Role{
				access.RoleReader, access.RoleAdmin, access.RoleService,
			}).Draw(t, "role"),
			Reveal: rapid.Bool().Draw(t, "reveal"), Created: created,
		}
		if rapid.Bool().Draw(t, "expires") {
			attributes.Expires = created.Add(time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "lifetime")))
		}
		key, err := access.NewAPIKey(token, secret.New(pepper), attributes)
		if err != nil {
			t.Skip("invalid key")
		}
		require.NoError(t, keystore.New(store).Create(t.Context(), key))
		found, err := keystore.New(store).Find(t.Context(), key.Attributes().ID)
		require.NoError(t, err)
		require.Equal(t, key.Attributes(), found.Attributes())
		require.Equal(t, key.Digest(), found.Digest())
	})
}
