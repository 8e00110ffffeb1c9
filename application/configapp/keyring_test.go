package configapp_test

import (
	"fmt"
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
		Vault: vault, Cipher: cipher, Canaries: known, Trail: fixture.NewTrail(), Clock: fixture.NewClock(),
	}), cipher
}

func TestRotateEncryption(t *testing.T) {
	t.Parallel()
	oldKey, newerKey := newKey(t), newKey(t)
	vault, known, admin := &fixture.Vault{}, canaries{}, fixture.Operator()
	_, before := ring(t, vault, known, oldKey)
	for n := range 450 {
		token, err := before.Encrypt(t.Context(), secret.New(fmt.Sprint("value ", n)))
		require.NoError(t, err)
		vault.Put(configuration.TokenKind(n%4+1), int64(n), token)
	}
	vault.Put(configuration.NewToken, 1000, "no token")
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
		Current: both.Fingerprint(), Keys: []configapp.KeyCount{{Fingerprint: both.Fingerprint(), Values: 450}}, Unreadable: 1,
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
