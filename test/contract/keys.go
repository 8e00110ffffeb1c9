package contract

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
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
		{"keys are listed from the oldest, then by id, in pages", keysInOrder},
		{"a changed key is stored, and nothing of a change that fails", keyChanges},
		{"of two changes at once that need another usable admin, one fails", lastAdmin},
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
	if attributes.Grants == nil {
		attributes.Grants = fixture.Granted(access.RoleAdmin)
	}
	key, err := access.NewAPIKey(token, secret.New(pepper), attributes)
	require.NoError(t, err)
	return key, token
}

func keyComesBack(t *testing.T, keys access.Keys) {
	for id, attributes := range map[string]access.KeyAttributes{
		"AAAAAAAA": {},
		"bbbbbbbb": {Grants: []access.Grant{{Role: access.RoleReader, Reveal: true}}, Expires: fixture.Noon().Add(time.Hour)},
		"cccccccc": {Grants: fixture.Granted(access.RoleService)},
		"dddddddd": {Grants: []access.Grant{{Role: access.RoleEvaluator, Area: inProduction(t)}}},
		"eeeeeeee": {
			Grants: []access.Grant{
				{Role: access.RoleEditor, Area: scope.Area{Services: []scope.ServiceName{fixture.ServiceName(t, "shop")}}},
				{Role: access.RoleOperator, Area: scope.Area{Prefixes: []string{"ui.", "api."}}},
			},
			NotBefore: fixture.Noon().Add(-time.Hour), CreatedBy: scope.Actor{KeyID: "AAAAAAAA", Name: "deploy"},
			Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")},
			Labels:   map[string]string{"team": "web", "ticket": ""},
		},
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
			key, _ := keyOf(t, id, access.KeyAttributes{
				Grants: []access.Grant{{Role: access.RoleEvaluator, Area: inProduction(t)}},
			})
			require.NoError(t, keys.Create(t.Context(), key))
		}
	}
	require.NoError(t, fixture.Revoke(t.Context(), keys, "key00100", fixture.Noon()))
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

func inProduction(t *testing.T) scope.Area {
	t.Helper()
	return scope.Area{Environments: []scope.Environment{fixture.Production(t)}}
}

func keyTaken(t *testing.T, keys access.Keys) {
	key, _ := keyOf(t, "AAAAAAAA", access.KeyAttributes{})
	require.NoError(t, keys.Create(t.Context(), key))
	require.ErrorIs(t, keys.Create(t.Context(), key), access.ErrKeyTaken)
}

func keyNotFound(t *testing.T, keys access.Keys) {
	_, err := keys.Find(t.Context(), "AAAAAAAA")
	require.ErrorIs(t, err, access.ErrKeyNotFound)
	require.ErrorIs(t, fixture.Revoke(t.Context(), keys, "AAAAAAAA", fixture.Noon()), access.ErrKeyNotFound)
}

func keysInOrder(t *testing.T, keys access.Keys) {
	none, err := keys.List(t.Context(), scope.Window{Limit: 10})
	require.NoError(t, err)
	assert.Empty(t, none.Items)
	for id, age := range map[string]time.Duration{"young000": 0, "bbbbbbbb": time.Hour, "aaaaaaaa": time.Hour} {
		key, _ := keyOf(t, id, access.KeyAttributes{Created: fixture.Noon().Add(-age)})
		require.NoError(t, keys.Create(t.Context(), key))
	}
	for _, row := range []struct {
		window scope.Window
		want   []string
		more   bool
	}{
		{scope.Window{Limit: 3}, []string{"aaaaaaaa", "bbbbbbbb", "young000"}, false},
		{scope.Window{Limit: 2}, []string{"aaaaaaaa", "bbbbbbbb"}, true},
		{scope.Window{Limit: 1, Offset: 1}, []string{"bbbbbbbb"}, true},
		{scope.Window{Limit: 2, After: scope.Position{"aaaaaaaa"}}, []string{"bbbbbbbb", "young000"}, false},
		{scope.Window{Limit: 2, After: scope.Position{"young000"}}, nil, false},
	} {
		list, err := keys.List(t.Context(), row.window)
		require.NoError(t, err)
		assert.Equal(t, 3, list.Total)
		assert.Equal(t, row.more, list.More, row.window)
		var ids []string
		for i, key := range list.Items {
			ids = append(ids, key.Attributes().ID)
			assert.Equal(t, scope.Position{key.Attributes().ID}, list.Positions[i])
		}
		assert.Equal(t, row.want, ids, row.window)
	}
}

func keyChanges(t *testing.T, keys access.Keys) {
	key, token := keyOf(t, "AAAAAAAA", access.KeyAttributes{})
	require.NoError(t, keys.Create(t.Context(), key))
	second, err := access.NewToken("AAAAAAAA", fixture.Long(access.SecretLength-1)+"z")
	require.NoError(t, err)
	changed, err := keys.Change(t.Context(), "AAAAAAAA", fixture.Noon(), func(key *access.APIKey, _ bool) error {
		if err := key.Amend(access.Amendment{Name: new("other"), Grants: fixture.Granted(access.RoleReader)}, fixture.Noon()); err != nil {
			return err
		}
		return key.Rotate(second, secret.New(pepper), time.Hour, fixture.Noon())
	})
	require.NoError(t, err)
	found, err := keys.Find(t.Context(), "AAAAAAAA")
	require.NoError(t, err)
	assert.Equal(t, changed.Attributes(), found.Attributes())
	assert.Equal(t, "other", found.Attributes().Name)
	assert.True(t, found.Opens(token, secret.New(pepper), fixture.Noon()), "within the overlap")
	assert.True(t, found.Opens(second, secret.New(pepper), fixture.Noon().Add(2*time.Hour)))
	assert.False(t, found.Opens(token, secret.New(pepper), fixture.Noon().Add(2*time.Hour)))

	_, err = keys.Change(t.Context(), "AAAAAAAA", fixture.Noon(), func(key *access.APIKey, _ bool) error {
		key.Revoke(fixture.Noon())
		return access.ErrLastAdmin
	})
	require.ErrorIs(t, err, access.ErrLastAdmin)
	again, err := keys.Find(t.Context(), "AAAAAAAA")
	require.NoError(t, err)
	assert.Equal(t, found.Attributes(), again.Attributes(), "a change that fails stores nothing")
}

// lastAdmin lets two keys be revoked at once, each only where another admin remains.
func lastAdmin(t *testing.T, keys access.Keys) {
	for id, a := range map[string]access.KeyAttributes{
		"AAAAAAAA": {}, "BBBBBBBB": {}, "expired0": {Expires: fixture.Noon().Add(time.Minute)},
		"ending00": {Expires: fixture.Noon().Add(time.Hour + access.AdminReserve)},
		"network0": {Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		"later000": {NotBefore: fixture.Noon().Add(time.Hour * 24)},
		"scoped00": {Grants: []access.Grant{{Role: access.RoleAdmin, Area: inProduction(t)}}},
		"operator": {Grants: fixture.Granted(access.RoleOperator)},
	} {
		key, _ := keyOf(t, id, a)
		require.NoError(t, keys.Create(t.Context(), key))
	}
	now := fixture.Noon().Add(time.Hour)
	ids := []string{"AAAAAAAA", "BBBBBBBB"}
	errs := together(len(ids), func(i int) error {
		_, err := keys.Change(t.Context(), ids[i], now, func(key *access.APIKey, another bool) error {
			if !another {
				return access.ErrLastAdmin
			}
			key.Revoke(now)
			return nil
		})
		return err
	})
	refused := 0
	for _, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, access.ErrLastAdmin)
			refused++
		}
	}
	assert.Equal(t, 1, refused)
}

func revokedStays(t *testing.T, keys access.Keys) {
	key, _ := keyOf(t, "AAAAAAAA", access.KeyAttributes{})
	require.NoError(t, keys.Create(t.Context(), key))
	first := fixture.Noon().Add(time.Minute)
	require.NoError(t, fixture.Revoke(t.Context(), keys, "AAAAAAAA", first))
	require.NoError(t, fixture.Revoke(t.Context(), keys, "AAAAAAAA", first.Add(time.Hour)))
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
	list, err := keys.List(t.Context(), scope.Window{Limit: 10})
	require.NoError(t, err)
	assert.Len(t, list.Items, 1)
}

func noFirstKeyAgain(t *testing.T, keys access.Keys) {
	key, _ := keyOf(t, "AAAAAAAA", access.KeyAttributes{})
	require.NoError(t, keys.Create(t.Context(), key))
	require.NoError(t, fixture.Revoke(t.Context(), keys, "AAAAAAAA", fixture.Noon()))
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
