package contract

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// Keys tests a store against access.Keys, on empty ones that fresh returns.
func Keys(t *testing.T, fresh func(*testing.T) access.Keys, without Without) {
	t.Helper()
	run(t, keysSuite(), fresh, without)
}

func keysSuite() []behaviour[access.Keys] {
	return []behaviour[access.Keys]{
		{"a key is returned as it was, and its token still opens it", keyComesBack},
		{"several keys are found at once, those that exist", keysTogether},
		{"an id that is taken is ErrKeyTaken", keyTaken},
		{"an id that does not exist is ErrKeyNotFound", keyNotFound},
		{"keys are listed from the oldest, then by id", keysInOrder},
		{"a revoked key stays, and keeps its first time", revokedStays},
		{"the first key is made once, also of 16 at once", firstKeyOnce},
		{"there is no first key where there was one, also a revoked one", noFirstKeyAgain},
		{"the server's secret is the same for concurrent callers, and stays", onePepper},
	}
}

const pepper = "a pepper that is long enough to be one"

func keyOf(t *testing.T, id string, attributes access.KeyAttributes) (*access.APIKey, access.Token) {
	t.Helper()
	token, err := access.NewToken(id, fixture.Long(access.SecretLength))
	require.NoError(t, err)
	if attributes.Created.IsZero() {
		attributes.Created = fixture.Noon()
	}
	attributes.Name = "key " + id
	if attributes.Role == 0 {
		attributes.Role = access.RoleAdmin
	}
	key, err := access.NewAPIKey(token, secret.New(pepper), attributes)
	require.NoError(t, err)
	return key, token
}

func keyComesBack(t *testing.T, keys access.Keys) {
	for id, attributes := range map[string]access.KeyAttributes{
		"AAAAAAAA": {},
		"bbbbbbbb": {Role: access.RoleReader, Reveal: true, Expires: fixture.Noon().Add(time.Hour)},
		"cccccccc": {Role: access.RoleService},
		"dddddddd": {Role: access.RoleEvaluator, Environment: fixture.Production(t)},
	} {
		key, token := keyOf(t, id, attributes)
		require.NoError(t, keys.Create(t.Context(), key))
		found, err := keys.Find(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, key.Attributes(), found.Attributes())
		assert.True(t, found.Opens(token, secret.New(pepper), fixture.Noon()))
	}
}

func keysTogether(t *testing.T, keys access.Keys) {
	none, err := keys.FindAll(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, none)
	ids := []string{"missing0"}
	for n := range 999 {
		id := fmt.Sprintf("key%05d", n)
		ids = append(ids, id)
		if n%100 == 0 {
			key, _ := keyOf(t, id, access.KeyAttributes{Role: access.RoleEvaluator, Environment: fixture.Production(t)})
			require.NoError(t, keys.Create(t.Context(), key))
		}
	}
	require.NoError(t, keys.Revoke(t.Context(), "key00100", fixture.Noon()))
	found, err := keys.FindAll(t.Context(), ids)
	require.NoError(t, err)
	assert.Len(t, found, 10)
	for id, key := range found {
		one, err := keys.Find(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, one.Attributes(), key.Attributes())
		assert.True(t, one.SameRights(key))
	}
	assert.Equal(t, fixture.Noon(), found["key00100"].Attributes().Revoked)
}

func keyTaken(t *testing.T, keys access.Keys) {
	key, _ := keyOf(t, "AAAAAAAA", access.KeyAttributes{})
	require.NoError(t, keys.Create(t.Context(), key))
	require.ErrorIs(t, keys.Create(t.Context(), key), access.ErrKeyTaken)
}

func keyNotFound(t *testing.T, keys access.Keys) {
	_, err := keys.Find(t.Context(), "AAAAAAAA")
	require.ErrorIs(t, err, access.ErrKeyNotFound)
	require.ErrorIs(t, keys.Revoke(t.Context(), "AAAAAAAA", fixture.Noon()), access.ErrKeyNotFound)
}

func keysInOrder(t *testing.T, keys access.Keys) {
	none, err := keys.List(t.Context())
	require.NoError(t, err)
	assert.Empty(t, none)
	for id, age := range map[string]time.Duration{"young000": 0, "bbbbbbbb": time.Hour, "aaaaaaaa": time.Hour} {
		key, _ := keyOf(t, id, access.KeyAttributes{Created: fixture.Noon().Add(-age)})
		require.NoError(t, keys.Create(t.Context(), key))
	}
	list, err := keys.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 3)
	for i, id := range []string{"aaaaaaaa", "bbbbbbbb", "young000"} {
		assert.Equal(t, id, list[i].Attributes().ID)
	}
}

func revokedStays(t *testing.T, keys access.Keys) {
	key, _ := keyOf(t, "AAAAAAAA", access.KeyAttributes{})
	require.NoError(t, keys.Create(t.Context(), key))
	first := fixture.Noon().Add(time.Minute)
	require.NoError(t, keys.Revoke(t.Context(), "AAAAAAAA", first))
	require.NoError(t, keys.Revoke(t.Context(), "AAAAAAAA", first.Add(time.Hour)))
	found, err := keys.Find(t.Context(), "AAAAAAAA")
	require.NoError(t, err)
	assert.Equal(t, first, found.Attributes().Revoked)
}

func firstKeyOnce(t *testing.T, keys access.Keys) {
	made := make([]bool, writers)
	candidates := make([]*access.APIKey, writers)
	for i := range candidates {
		candidates[i], _ = keyOf(t, "AAAAAAA"+string(rune('A'+i)), access.KeyAttributes{})
	}
	for _, err := range together(writers, func(i int) (err error) {
		made[i], err = keys.CreateFirst(t.Context(), candidates[i])
		return err
	}) {
		require.NoError(t, err)
	}
	count := 0
	for _, m := range made {
		if m {
			count++
		}
	}
	assert.Equal(t, 1, count)
	list, err := keys.List(t.Context())
	require.NoError(t, err)
	assert.Len(t, list, 1)
}

func noFirstKeyAgain(t *testing.T, keys access.Keys) {
	key, _ := keyOf(t, "AAAAAAAA", access.KeyAttributes{})
	require.NoError(t, keys.Create(t.Context(), key))
	require.NoError(t, keys.Revoke(t.Context(), "AAAAAAAA", fixture.Noon()))
	another, _ := keyOf(t, "BBBBBBBB", access.KeyAttributes{})
	made, err := keys.CreateFirst(t.Context(), another)
	require.NoError(t, err)
	assert.False(t, made)
	_, err = keys.Find(t.Context(), "BBBBBBBB")
	require.ErrorIs(t, err, access.ErrKeyNotFound)
}

func onePepper(t *testing.T, keys access.Keys) {
	got := make([]secret.Text, writers)
	for _, err := range together(writers, func(i int) (err error) {
		got[i], err = keys.Pepper(t.Context(), secret.New("candidate "+string(rune('a'+i))))
		return err
	}) {
		require.NoError(t, err)
	}
	for _, p := range got {
		assert.Equal(t, got[0].Reveal(), p.Reveal())
	}
	later, err := keys.Pepper(t.Context(), secret.New("later"))
	require.NoError(t, err)
	assert.Equal(t, got[0].Reveal(), later.Reveal())
	assert.Contains(t, later.Reveal(), "candidate")
}
