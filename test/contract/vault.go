package contract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
)

// Sealed is a vault over configurations.
type Sealed struct {
	configuration.Vault

	// Seal makes a configuration that has had these tokens, one for each version, and
	// deletes it if deleted is set. An empty token is a value that is not encrypted.
	Seal func(t *testing.T, key string, deleted bool, tokens ...string)
}

// Vault tests a store against configuration.Vault, on empty ones that fresh returns.
func Vault(t *testing.T, fresh func(*testing.T) Sealed, without Without) {
	t.Helper()
	run(t, vaultSuite(), fresh, without)
}

func vaultSuite() []behaviour[Sealed] {
	return []behaviour[Sealed]{
		{"tokens of states and histories are read in pages, in the order of places", tokensInOrder},
		{"each token has the version of the configuration that it belongs to", tokensOwned},
		{"a token is replaced where it is still stored, and nowhere else", tokensReplaced},
		{"a seal is stored with its token, and tokens are counted by it", sealsStored},
		{"tokens without a MAC are rejected once that is stored", bindingEnforced},
	}
}

// all reads all tokens, two at a time.
func (s Sealed) all(t *testing.T) []configuration.StoredToken {
	t.Helper()
	var all []configuration.StoredToken
	after := configuration.TokenPlace{}
	for {
		list, err := s.Stored(t.Context(), after, 2)
		require.NoError(t, err)
		all = append(all, list...)
		if len(list) < 2 {
			return all
		}
		after = list[1].TokenPlace
	}
}

func texts(list []configuration.StoredToken) []string {
	var tokens []string
	for _, one := range list {
		tokens = append(tokens, one.Token)
	}
	return tokens
}

func tokensInOrder(t *testing.T, s Sealed) {
	assert.Empty(t, s.all(t))
	s.Seal(t, "a", false, "a1", "a2")
	s.Seal(t, "plain", false, "")
	s.Seal(t, "gone", true, "g1")
	got := texts(s.all(t))
	// states; a deleted one; values before each version; values of each version
	assert.Equal(t, []string{"a2", "g1", "a1", "g1", "a1", "a2", "g1"}, got)
}

func tokensReplaced(t *testing.T, s Sealed) {
	s.Seal(t, "a", false, "a1", "a2")
	s.Seal(t, "gone", true, "g1")
	var list []configuration.Replacement
	for _, one := range s.all(t) {
		list = append(list, configuration.Replacement{StoredToken: one, With: one.Token + "x"})
	}
	changed, later := list[0], list[0]
	changed.Token = "another"
	later.Owner.Version++
	n, err := s.Replace(t.Context(), []configuration.Replacement{changed})
	require.NoError(t, err)
	assert.Zero(t, n, "it was changed meanwhile")
	n, err = s.Replace(t.Context(), []configuration.Replacement{later})
	require.NoError(t, err)
	assert.Zero(t, n, "the same token is of another version meanwhile")
	n, err = s.Replace(t.Context(), nil)
	require.NoError(t, err)
	assert.Zero(t, n)
	n, err = s.Replace(t.Context(), list)
	require.NoError(t, err)
	assert.Equal(t, len(list), n)
	for i, one := range s.all(t) {
		assert.Equal(t, list[i].TokenPlace, one.TokenPlace)
		assert.Equal(t, list[i].With, one.Token)
	}
	n, err = s.Replace(t.Context(), list)
	require.NoError(t, err)
	assert.Zero(t, n, "it was done before")
}

func tokensOwned(t *testing.T, s Sealed) {
	s.Seal(t, "a", false, "a1", "a2")
	s.Seal(t, "gone", true, "g1")
	var got []string
	for _, one := range s.all(t) {
		at := one.Owner.Identity.Locator()
		got = append(got, fmt.Sprintf("%s %s/%s/%s@%d", one.Token, at.Environment, at.Service, at.Key, one.Owner.Version))
	}
	assert.Equal(t, []string{
		"a2 production/shop/a@2", "g1 production/shop/gone@2", "a1 production/shop/a@1", "g1 production/shop/gone@1",
		"a1 production/shop/a@1", "a2 production/shop/a@2", "g1 production/shop/gone@1",
	}, got)
}

func sealsStored(t *testing.T, s Sealed) {
	uses, err := s.Uses(t.Context())
	require.NoError(t, err)
	assert.Empty(t, uses)
	s.Seal(t, "a", false, "a1", "a2")
	s.Seal(t, "gone", true, "g1")
	s.Seal(t, "plain", false, "")
	for _, one := range s.all(t) {
		assert.Equal(t, configuration.Seal{}, one.Seal)
	}
	uses, err = s.Uses(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []configuration.KeyUse{{Tokens: 7, Unbound: 7}}, uses)

	all := s.all(t)
	seal := configuration.Seal{Key: "0123456789abcdef", MAC: strings.Repeat("5a", 32)}
	var list []configuration.Replacement
	for _, one := range all[:5] {
		list = append(list, configuration.Replacement{StoredToken: one, With: one.Token, Under: seal})
	}
	n, err := s.Replace(t.Context(), list)
	require.NoError(t, err)
	assert.Equal(t, 5, n, "the token stays, and its seal is stored")
	for i, one := range s.all(t) {
		want := all[i]
		if i < 5 {
			want.Seal = seal
		}
		assert.Equal(t, want, one)
	}
	uses, err = s.Uses(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []configuration.KeyUse{{Tokens: 2, Unbound: 2}, {Key: seal.Key, Tokens: 5}}, uses)
}

func bindingEnforced(t *testing.T, s Sealed) {
	enforced, err := s.Enforced(t.Context())
	require.NoError(t, err)
	assert.False(t, enforced)
	for range 2 {
		require.NoError(t, s.Enforce(t.Context()))
		enforced, err = s.Enforced(t.Context())
		require.NoError(t, err)
		assert.True(t, enforced)
	}
}
