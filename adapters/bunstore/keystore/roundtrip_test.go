package keystore_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
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
			Name: storetest.DrawText().Draw(t, "name"), Created: created, Grants: drawGrants(t),
			CreatedBy: scope.Actor{KeyID: "AAAAAAAA", Name: "ann"},
		}
		if text := storetest.DrawText().Draw(t, "label"); rapid.Bool().Draw(t, "labelled") {
			attributes.Labels = map[string]string{"l": text}
		}
		if rapid.Bool().Draw(t, "networked") {
			attributes.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
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
		digest, _ := key.Digests()
		stored, _ := found.Digests()
		require.Equal(t, digest, stored)
	})
}

func drawGrants(t *rapid.T) []access.Grant {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) access.Grant {
		g := access.Grant{Role: rapid.SampledFrom(access.Roles()).Draw(t, "role")}
		g.Reveal = g.Role != access.RoleEvaluator && rapid.Bool().Draw(t, "reveal")
		if rapid.Bool().Draw(t, "narrowed") {
			e, _ := scope.ParseEnvironment("production")
			g.Area.Environments = []scope.Environment{e}
		}
		if rapid.Bool().Draw(t, "named") {
			g.Area.Prefixes = []string{"ui."}
		}
		return g
	}), 1, 3).Draw(t, "grants")
}
