package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// KeyStore is a store of keys and of their uses.
type KeyStore struct {
	Keys access.Keys
	Uses access.KeyUses
}

// KeyUses tests a store against access.KeyUses, on empty ones that fresh returns.
func KeyUses(t *testing.T, fresh func(*testing.T) KeyStore, without Without) {
	t.Helper()
	run(t, keyUsesSuite(), fresh, without)
}

func keyUsesSuite() []behaviour[KeyStore] {
	return []behaviour[KeyStore]{
		{"the last use of a key is stored, and never goes back", lastUses},
	}
}

func lastUses(t *testing.T, s KeyStore) {
	keys, uses := s.Keys, s.Uses
	key, _ := keyOf(t, "AAAAAAAA", access.KeyAttributes{})
	require.NoError(t, keys.Create(t.Context(), key))
	later := fixture.Noon().Add(time.Hour)
	for _, at := range []time.Time{fixture.Noon(), later, fixture.Noon()} {
		require.NoError(t, uses.Used(t.Context(), map[string]time.Time{"AAAAAAAA": at, "unknown0": at}))
	}
	require.NoError(t, uses.Used(t.Context(), nil))
	found, err := keys.Find(t.Context(), "AAAAAAAA")
	require.NoError(t, err)
	assert.Equal(t, later, found.Attributes().LastUsed)
	_, err = keys.Change(t.Context(), "AAAAAAAA", later, func(*access.APIKey, bool) error { return nil })
	require.NoError(t, err)
	found, err = keys.Find(t.Context(), "AAAAAAAA")
	require.NoError(t, err)
	assert.Equal(t, later, found.Attributes().LastUsed)
}
