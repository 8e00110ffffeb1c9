package configapp_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

type canaries map[string]string

func (c canaries) Find(context.Context, string) (map[string]string, error) { return c, nil }

func (c canaries) Keep(_ context.Context, _, fingerprint, value string) error {
	c[fingerprint] = value
	return nil
}

func (c canaries) Forget(_ context.Context, _, fingerprint string) error {
	delete(c, fingerprint)
	return nil
}

type tokens []string

func (t tokens) Tokens(context.Context, int) ([]string, error) { return t, nil }

func TestCheckKey(t *testing.T) {
	t.Parallel()
	newCipher := func() *fernetcipher.Cipher {
		key, err := fernetcipher.GenerateKey()
		require.NoError(t, err)
		cipher, err := fernetcipher.New(key, true)
		require.NoError(t, err)
		return cipher
	}
	own, other := newCipher(), newCipher()
	token, err := own.Encrypt(t.Context(), secret.New("s3cret"))
	require.NoError(t, err)
	check := func(c *fernetcipher.Cipher, known canaries, stored ...string) error {
		return configapp.CheckKey(t.Context(), c, c.Fingerprint(), known, tokens(stored))
	}

	known := canaries{}
	require.NoError(t, check(own, known), "nothing is encrypted")
	require.Contains(t, known, own.Fingerprint())
	require.NoError(t, check(own, known, "damaged"), "the canary shows the key")
	require.ErrorIs(t, check(other, known, token), configapp.ErrWrongKey)
	require.NotContains(t, known, other.Fingerprint(), "a wrong key leaves nothing")
	require.NoError(t, check(own, canaries{}, "damaged", token), "a damaged token proves nothing")
	require.ErrorIs(t, check(other, canaries{}, "damaged", token), configapp.ErrWrongKey)
	known[other.Fingerprint()] = known[own.Fingerprint()]
	require.ErrorIs(t, check(other, known), configapp.ErrWrongKey, "the canary does not open")
}
