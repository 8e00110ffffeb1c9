package configapp_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func newKey(t *testing.T) secret.Text {
	t.Helper()
	key, err := fernetcipher.GenerateKey()
	require.NoError(t, err)
	return key
}

func ring(t *testing.T, vault *fixture.Vault, known canaries, keys ...secret.Text) (*configapp.KeyRing, *fernetcipher.Cipher) {
	t.Helper()
	cipher, err := fernetcipher.NewRing(keys, true)
	require.NoError(t, err)
	return configapp.NewKeyRing(configapp.KeyRingDependencies{
		Vault: vault, Cipher: cipher, Canaries: known, Replicas: fixture.NewReplicas(), Trail: fixture.NewTrail(),
		Clock: fixture.NewClock(), Backoff: &fixture.NoWait{},
	}), cipher
}

// ownerOf returns the first version of a configuration of that number.
func ownerOf(t *testing.T, n int64) configuration.Owner {
	t.Helper()
	identity, err := configuration.Locator{
		Environment: "production", Service: "shop", Key: fmt.Sprint("key", n),
	}.Parse()
	require.NoError(t, err)
	return configuration.Owner{Identity: identity, Version: 1}
}

func TestRotateEncryption(t *testing.T) {
	t.Parallel()
	oldKey, newerKey := newKey(t), newKey(t)
	vault, known, admin := &fixture.Vault{}, canaries{}, fixture.Operator()
	_, before := ring(t, vault, known, oldKey)
	for n := range 450 {
		token, err := before.Encrypt(t.Context(), secret.New(fmt.Sprint("value ", n)))
		require.NoError(t, err)
		vault.Put(configuration.TokenKind(n%4+1), int64(n), token, ownerOf(t, int64(n)))
	}
	vault.Put(configuration.NewToken, 1000, "no token", ownerOf(t, 1000))
	known[before.Fingerprint()] = "canary"
	r, both := ring(t, vault, known, newerKey, oldKey)

	readable := func() {
		t.Helper()
		list, err := vault.Stored(t.Context(), configuration.TokenPlace{}, 1000)
		require.NoError(t, err)
		for _, one := range list {
			if one.Token == "no token" {
				continue
			}
			text, err := both.Decrypt(t.Context(), one.Token)
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprint("value ", one.ID), text.Reveal())
		}
	}
	require.ErrorIs(t, r.Retire(t.Context(), admin, before.Fingerprint()), configapp.ErrKeyInUse)
	rotated, err := r.Rotate(t.Context(), admin, configuration.TokenPlace{}, 250)
	require.NoError(t, err)
	assert.Equal(t, []int{250, 250}, []int{rotated.Examined, rotated.Rotated})
	readable()
	// It is stopped here, and begun again.
	total := 0
	place := configuration.TokenPlace{}
	for {
		rotated, err = r.Rotate(t.Context(), admin, place, 250)
		require.NoError(t, err)
		total += rotated.Rotated
		readable()
		if place = rotated.Next; place == (configuration.TokenPlace{}) {
			break
		}
	}
	assert.Equal(t, 200, total)
	status, err := r.Status(t.Context(), admin)
	require.NoError(t, err)
	assert.Equal(t, configapp.KeyRingStatus{
		Current: both.Fingerprint(), First: both.Fingerprint(), Unreadable: 1, Unbound: 1,
		Keys: []configapp.KeyCount{{Fingerprint: both.Fingerprint(), Values: 450}},
	}, status)
	require.ErrorIs(t, r.Retire(t.Context(), admin, before.Fingerprint()), configapp.ErrKeyInUse,
		"what cannot be read may be under it")
	stored, err := vault.Stored(t.Context(), configuration.TokenPlace{Kind: configuration.NewToken, ID: 999}, 1)
	require.NoError(t, err)
	token, err := both.Encrypt(t.Context(), secret.New("mended"))
	require.NoError(t, err)
	_, err = vault.Replace(t.Context(), []configuration.Replacement{{StoredToken: stored[0], With: token}})
	require.NoError(t, err)
	require.NoError(t, r.Retire(t.Context(), admin, before.Fingerprint()))
	assert.Empty(t, known, "a start with the old key alone is rejected")
	require.ErrorIs(t, r.Retire(t.Context(), admin, both.Fingerprint()), configapp.ErrKeyInUse)
}

func TestRotateEncryptionIsRefused(t *testing.T) {
	t.Parallel()
	r, _ := ring(t, &fixture.Vault{}, canaries{}, newKey(t))
	for _, limit := range []int{0, -1, configapp.MaxRotated + 1} {
		_, err := r.Rotate(t.Context(), fixture.Operator(), configuration.TokenPlace{}, limit)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
	operator := access.Caller{
		Actor: scope.Actor{KeyID: "o"}, Grants: access.Expand(fixture.Granted(access.RoleOperator)),
	}
	_, err := r.Rotate(t.Context(), operator, configuration.TokenPlace{}, 1)
	require.ErrorIs(t, err, access.ErrForbidden)
	_, err = r.Status(t.Context(), operator)
	require.ErrorIs(t, err, access.ErrForbidden)
	none, _ := ring(t, &fixture.Vault{}, canaries{})
	_, err = none.Rotate(t.Context(), fixture.Operator(), configuration.TokenPlace{}, 1)
	require.ErrorIs(t, err, ports.ErrEncryptionUnavailable)
}

// moved is a ring over a vault with the two tokens of two configurations, after a complete
// rotation.
func moved(t *testing.T) (*configapp.KeyRing, *fixture.Vault, *fernetcipher.Cipher) {
	t.Helper()
	vault := &fixture.Vault{}
	r, cipher := ring(t, vault, canaries{}, newKey(t))
	for n := range int64(2) {
		token, err := cipher.Encrypt(t.Context(), secret.New(fmt.Sprint("value ", n)))
		require.NoError(t, err)
		vault.Put(configuration.CurrentToken, n+1, token, ownerOf(t, n))
	}
	rotated, err := r.Rotate(t.Context(), fixture.Operator(), configuration.TokenPlace{}, 10)
	require.NoError(t, err)
	require.Equal(t, configapp.Rotated{Current: cipher.Fingerprint(), Examined: 2, Bound: 2}, rotated)
	return r, vault, cipher
}

func TestACompleteRotationBindsAllAndEndsThatUnboundTokensPass(t *testing.T) {
	t.Parallel()
	r, vault, cipher := moved(t)
	list, err := vault.Stored(t.Context(), configuration.TokenPlace{}, 10)
	require.NoError(t, err)
	for n, stored := range list {
		assert.Equal(t, configuration.Seal{
			Key: cipher.Fingerprint(), MAC: cipher.MAC(cipher.Fingerprint(), ownerOf(t, int64(n)).Binding(stored.Token)),
		}, stored.Seal)
	}
	status, err := r.Status(t.Context(), fixture.Operator())
	require.NoError(t, err)
	assert.True(t, status.Enforced)
	assert.Zero(t, status.Unbound)
}

func TestARotationLeavesWhatDoesNotBelongToItsRow(t *testing.T) {
	t.Parallel()
	changes := map[string]func(one *configuration.StoredToken, other configuration.StoredToken){
		"a copied token": func(one *configuration.StoredToken, other configuration.StoredToken) { one.Token = other.Token },
		"a copied token and its seal": func(one *configuration.StoredToken, other configuration.StoredToken) {
			one.Token, one.Seal = other.Token, other.Seal
		},
		"a token without a seal":     func(one *configuration.StoredToken, _ configuration.StoredToken) { one.Seal = configuration.Seal{} },
		"a token of another version": func(one *configuration.StoredToken, _ configuration.StoredToken) { one.Owner.Version++ },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, vault, _ := moved(t)
			list, err := vault.Stored(t.Context(), configuration.TokenPlace{}, 10)
			require.NoError(t, err)
			vault.Change(list[0].TokenPlace, func(one *configuration.StoredToken) { change(one, list[1]) })
			changed, err := vault.Stored(t.Context(), configuration.TokenPlace{}, 10)
			require.NoError(t, err)
			rotated, err := r.Rotate(t.Context(), fixture.Operator(), configuration.TokenPlace{}, 10)
			require.NoError(t, err)
			assert.Equal(t, []int{1, 0, 0}, []int{rotated.Tampered, rotated.Rotated, rotated.Bound})
			after, err := vault.Stored(t.Context(), configuration.TokenPlace{}, 10)
			require.NoError(t, err)
			assert.Equal(t, changed, after)
		})
	}
}

func TestAReplicaWithoutTheFirstKeyDelaysIt(t *testing.T) {
	t.Parallel()
	oldKey, newerKey := newKey(t), newKey(t)
	vault, serving := &fixture.Vault{}, fixture.NewReplicas()
	cipher, err := fernetcipher.NewRing([]secret.Text{newerKey, oldKey}, true)
	require.NoError(t, err)
	known := canaries{cipher.Fingerprints()[1]: "canary"}
	r := configapp.NewKeyRing(configapp.KeyRingDependencies{
		Vault: vault, Cipher: cipher, Canaries: known, Replicas: serving, Trail: fixture.NewTrail(), Clock: fixture.NewClock(), Backoff: &fixture.NoWait{},
	})
	token, err := cipher.Encrypt(t.Context(), secret.New("value"))
	require.NoError(t, err)
	vault.Put(configuration.CurrentToken, 1, token, ownerOf(t, 1))
	first, second := cipher.Fingerprints()[0], cipher.Fingerprints()[1]
	announce := func(ring, current string) {
		t.Helper()
		_, err := serving.Announce(t.Context(), ports.Replica{ID: "other", Keys: ring, Current: current})
		require.NoError(t, err)
	}
	rotate := func() configapp.Rotated {
		t.Helper()
		rotated, err := r.Rotate(t.Context(), fixture.Operator(), configuration.TokenPlace{}, 10)
		require.NoError(t, err)
		return rotated
	}

	announce(second, second)
	assert.Equal(t, configapp.Rotated{Current: second, Examined: 1, Rotated: 1}, rotate(), "what each replica can read")
	status, err := r.Status(t.Context(), fixture.Operator())
	require.NoError(t, err)
	assert.Equal(t, []string{second, first}, []string{status.Current, status.First})
	require.Len(t, status.Lacking, 1)
	assert.Equal(t, "other", status.Lacking[0].ID)

	announce(strings.Join(cipher.Fingerprints(), ","), second)
	assert.Equal(t, configapp.Rotated{Current: first, Examined: 1, Rotated: 1}, rotate())
	require.ErrorIs(t, r.Retire(t.Context(), fixture.Operator(), second), configapp.ErrKeyInUse, "it still encrypts under it")
	announce(strings.Join(cipher.Fingerprints(), ","), first)
	require.NoError(t, r.Retire(t.Context(), fixture.Operator(), second))
	require.ErrorIs(t, r.Retire(t.Context(), fixture.Operator(), first), configapp.ErrKeyInUse)
	assert.Empty(t, known)
}

func TestAReplicaThatBindsNothingDelaysThatUnboundTokensAreRejected(t *testing.T) {
	t.Parallel()
	vault, serving := &fixture.Vault{}, fixture.NewReplicas()
	cipher, err := fernetcipher.NewRing([]secret.Text{newKey(t)}, true)
	require.NoError(t, err)
	r := configapp.NewKeyRing(configapp.KeyRingDependencies{
		Vault: vault, Cipher: cipher, Canaries: canaries{}, Replicas: serving, Trail: fixture.NewTrail(), Clock: fixture.NewClock(), Backoff: &fixture.NoWait{},
	})
	_, err = serving.Announce(t.Context(), ports.Replica{ID: "earlier version"})
	require.NoError(t, err)
	enforced := func() bool {
		t.Helper()
		_, err := r.Rotate(t.Context(), fixture.Operator(), configuration.TokenPlace{}, 10)
		require.NoError(t, err)
		enforced, err := vault.Enforced(t.Context())
		require.NoError(t, err)
		return enforced
	}
	assert.False(t, enforced())
	require.NoError(t, serving.Leave(t.Context(), "earlier version"))
	assert.True(t, enforced())
}

// contended is a vault that other writers keep busy for some attempts.
type contended struct {
	*fixture.Vault

	left int
}

func (c *contended) Replace(ctx context.Context, list []configuration.Replacement) (int, error) {
	if c.left--; c.left >= 0 {
		return 0, fault.ErrContended
	}
	return c.Vault.Replace(ctx, list)
}

func TestARotationWaitsForOtherWriters(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[int]error{3: nil, 100: fault.ErrContended} {
		t.Run(strconv.Itoa(attempts), func(t *testing.T) {
			t.Parallel()
			cipher, err := fernetcipher.NewRing([]secret.Text{newKey(t)}, true)
			require.NoError(t, err)
			vault := &contended{&fixture.Vault{}, attempts}
			token, err := cipher.Encrypt(t.Context(), secret.New("value"))
			require.NoError(t, err)
			vault.Put(configuration.CurrentToken, 1, token, ownerOf(t, 1))
			r := configapp.NewKeyRing(configapp.KeyRingDependencies{
				Vault: vault, Cipher: cipher, Canaries: canaries{}, Replicas: fixture.NewReplicas(), Trail: fixture.NewTrail(),
				Clock: fixture.NewClock(), Backoff: &fixture.NoWait{},
			})
			_, err = r.Rotate(t.Context(), fixture.Operator(), configuration.TokenPlace{}, 10)
			require.ErrorIs(t, err, want)
		})
	}
}
