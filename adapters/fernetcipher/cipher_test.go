package fernetcipher_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
)

// specKey is the key of the Fernet specification's vectors.
const specKey = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="

func cipher(tb testing.TB, key string, enabled bool) *fernetcipher.Cipher {
	tb.Helper()
	c, err := fernetcipher.New(secret.New(key), enabled)
	require.NoError(tb, err)
	return c
}

func TestContract(t *testing.T) {
	t.Parallel()
	contract.Cipher(t, func(t *testing.T) ports.Cipher {
		t.Helper()
		key, err := fernetcipher.GenerateKey()
		require.NoError(t, err)
		return cipher(t, key.Reveal(), true)
	})
}

func TestKeyRingContract(t *testing.T) {
	t.Parallel()
	contract.KeyRing(t, func(t *testing.T) ports.KeyRing {
		t.Helper()
		first, err := fernetcipher.GenerateKey()
		require.NoError(t, err)
		second, err := fernetcipher.GenerateKey()
		require.NoError(t, err)
		ring, err := fernetcipher.NewRing([]secret.Text{first, second}, true)
		require.NoError(t, err)
		return ring
	})
}

// TestMACIsTheDocumentedOne compares with what Python's hmac and a HKDF of RFC 5869 return,
// as in docs/database.md.
func TestMACIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	c := cipher(t, specKey, true)
	assert.Equal(t, "418e480bcda6745d6d8d10055e923566bc326966bc596826cafc562e0189d099", c.MAC(c.Fingerprint(), []byte("message")))
}

func TestKeys(t *testing.T) {
	t.Parallel()

	t.Run("a generated key is 44 characters of base64 with padding, and another each time", func(t *testing.T) {
		t.Parallel()
		a, err := fernetcipher.GenerateKey()
		require.NoError(t, err)
		b, err := fernetcipher.GenerateKey()
		require.NoError(t, err)
		assert.Regexp(t, `^[A-Za-z0-9_-]{43}=$`, a.Reveal())
		assert.NotEqual(t, a.Reveal(), b.Reveal())
	})

	t.Run("both alphabets of base64 are the same key", func(t *testing.T) {
		t.Parallel()
		standard := strings.NewReplacer("-", "+", "_", "/").Replace(specKey)
		token, err := cipher(t, standard, true).Encrypt(t.Context(), secret.New("x"))
		require.NoError(t, err)
		text, err := cipher(t, specKey, true).Decrypt(t.Context(), token)
		require.NoError(t, err)
		assert.Equal(t, "x", text.Reveal())
	})

	t.Run("a malformed key is refused with a sentence that does not show it", func(t *testing.T) {
		t.Parallel()
		for _, key := range []string{"canary", "canary==", strings.Repeat("c", 42), specKey + specKey, "cw_0x689RpI canary"} {
			_, err := fernetcipher.New(secret.New(key), true)
			require.ErrorContains(t, err, "ENCRYPTION_KEY has to be base64 of 32 bytes")
			assert.NotContains(t, err.Error(), "canary")
		}
	})

	t.Run("a token of another key is ErrDecryptionFailed", func(t *testing.T) {
		t.Parallel()
		token, err := cipher(t, specKey, true).Encrypt(t.Context(), secret.New("x"))
		require.NoError(t, err)
		other, err := fernetcipher.GenerateKey()
		require.NoError(t, err)
		_, err = cipher(t, other.Reveal(), true).Decrypt(t.Context(), token)
		require.ErrorIs(t, err, ports.ErrDecryptionFailed)
	})
}

func TestFailClosed(t *testing.T) {
	t.Parallel()

	t.Run("without a key nothing is encrypted or opened", func(t *testing.T) {
		t.Parallel()
		for _, enabled := range []bool{true, false} {
			c := cipher(t, "", enabled)
			token, err := c.Encrypt(t.Context(), secret.New("x"))
			require.ErrorIs(t, err, ports.ErrEncryptionUnavailable)
			assert.Empty(t, token)
			_, err = c.Decrypt(t.Context(), "gAAAAAAdwJ6w")
			require.ErrorIs(t, err, ports.ErrDecryptionFailed)
		}
	})

	t.Run("encryption that is off still opens what is stored", func(t *testing.T) {
		t.Parallel()
		token, err := cipher(t, specKey, true).Encrypt(t.Context(), secret.New("x"))
		require.NoError(t, err)
		off := cipher(t, specKey, false)
		_, err = off.Encrypt(t.Context(), secret.New("x"))
		require.ErrorIs(t, err, ports.ErrEncryptionUnavailable)
		text, err := off.Decrypt(t.Context(), token)
		require.NoError(t, err)
		assert.Equal(t, "x", text.Reveal())
	})
}

func FuzzDecrypt(f *testing.F) {
	c := cipher(f, specKey, true)
	for _, v := range vectors(f, "generate.json", "verify.json", "invalid.json") {
		f.Add(v.Token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		text, err := c.Decrypt(t.Context(), token)
		if err != nil {
			require.ErrorIs(t, err, ports.ErrDecryptionFailed)
			assert.True(t, text.IsZero())
		}
	})
}
