package contract

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

func endedContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// Clock tests a clock against ports.Clock.
func Clock(t *testing.T, fresh func(*testing.T) ports.Clock) {
	t.Helper()
	run(t, clockSuite(), fresh, nil)
}

func clockSuite() []behaviour[ports.Clock] {
	return []behaviour[ports.Clock]{
		{"the time is UTC in microseconds", func(t *testing.T, c ports.Clock) {
			now := c.Now()
			assert.Equal(t, time.UTC, now.Location())
			assert.Equal(t, now, now.Truncate(time.Microsecond))
		}},
	}
}

// Stopwatch tests a stopwatch against ports.Stopwatch.
func Stopwatch(t *testing.T, fresh func(*testing.T) ports.Stopwatch) {
	t.Helper()
	run(t, stopwatchSuite(), fresh, nil)
}

func stopwatchSuite() []behaviour[ports.Stopwatch] {
	return []behaviour[ports.Stopwatch]{
		{"the time is never less than it was, nor than 0", func(t *testing.T, s ports.Stopwatch) {
			var before time.Duration
			for range 10_000 {
				next := s.Elapsed()
				require.GreaterOrEqual(t, next, before)
				before = next
			}
		}},
	}
}

// IDs tests a source of identifiers against ports.IDs.
func IDs(t *testing.T, fresh func(*testing.T) ports.IDs) {
	t.Helper()
	run(t, idsSuite(), fresh, nil)
}

func idsSuite() []behaviour[ports.IDs] {
	return []behaviour[ports.IDs]{
		{"a UUID has 36 characters and version 7", func(t *testing.T, ids ports.IDs) {
			assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, ids.UUID())
		}},
		{"later UUIDs are greater", func(t *testing.T, ids ports.IDs) {
			before := ids.UUID()
			for range 10_000 {
				next := ids.UUID()
				require.Greater(t, next, before)
				before = next
			}
		}},
		{"Base62 has the requested number of digits, all of base62", func(t *testing.T, ids ports.IDs) {
			for _, n := range []int{1, 8, 32, 43, 500} {
				digits := ids.Base62(n)
				assert.Len(t, digits, n)
				assert.Empty(t, strings.Trim(digits, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
			}
		}},
		{"Base62 does not repeat itself", func(t *testing.T, ids ports.IDs) {
			first := ids.Base62(32)
			assert.NotEqual(t, first, ids.Base62(32))
		}},
	}
}

// Backoff tests a backoff against ports.Backoff.
func Backoff(t *testing.T, fresh func(*testing.T) ports.Backoff) {
	t.Helper()
	run(t, backoffSuite(), fresh, nil)
}

func backoffSuite() []behaviour[ports.Backoff] {
	return []behaviour[ports.Backoff]{
		{"a wait ends, however late the attempt", func(t *testing.T, b ports.Backoff) {
			synctest.Test(t, func(t *testing.T) {
				for _, attempt := range []int{1, 2, 10, 1_000_000} {
					start := time.Now()
					require.NoError(t, b.Wait(t.Context(), attempt))
					assert.LessOrEqual(t, time.Since(start), time.Second)
				}
			})
		}},
		{"a wait ends at once with its context, and returns its error", func(t *testing.T, b ports.Backoff) {
			require.ErrorIs(t, b.Wait(endedContext(t), 1_000_000), context.Canceled)
		}},
	}
}

// Cipher tests a cipher with a key against ports.Cipher.
func Cipher(t *testing.T, fresh func(*testing.T) ports.Cipher) {
	t.Helper()
	run(t, cipherSuite(), fresh, nil)
}

func cipherSuite() []behaviour[ports.Cipher] {
	return []behaviour[ports.Cipher]{
		{"an encrypted text decrypts to the original", func(t *testing.T, c ports.Cipher) {
			for _, text := range []string{"", "x", "secret ünïcödé 🚦", strings.Repeat("16 bytes of text", 16<<10)} {
				token, err := c.Encrypt(t.Context(), secret.New(text))
				require.NoError(t, err)
				got, err := c.Decrypt(t.Context(), token)
				require.NoError(t, err)
				assert.Equal(t, text, got.Reveal())
			}
		}},
		{"a token contains nothing of the text, and is never made twice", func(t *testing.T, c ports.Cipher) {
			a, err := c.Encrypt(t.Context(), secret.New("canary"))
			require.NoError(t, err)
			b, err := c.Encrypt(t.Context(), secret.New("canary"))
			require.NoError(t, err)
			assert.NotEqual(t, a, b)
			assert.NotContains(t, a, "canary")
		}},
		{"a token that was changed anywhere is ErrDecryptionFailed", changedTokens},
		{"an invalid token is ErrDecryptionFailed", func(t *testing.T, c ports.Cipher) {
			for _, text := range []string{"", "x", "gAAAAA==", strings.Repeat("A", 100), strings.Repeat("\x00", 200), "🚦"} {
				_, err := c.Decrypt(t.Context(), text)
				require.ErrorIs(t, err, ports.ErrDecryptionFailed)
				assert.Equal(t, fault.Internal, fault.Of(err).Kind())
			}
		}},
	}
}

// KeyRing tests a ring of two keys against ports.KeyRing.
func KeyRing(t *testing.T, fresh func(*testing.T) ports.KeyRing) {
	t.Helper()
	run(t, keyRingSuite(), fresh, nil)
}

func keyRingSuite() []behaviour[ports.KeyRing] {
	return []behaviour[ports.KeyRing]{
		{"the first key is current until another one is used", func(t *testing.T, r ports.KeyRing) {
			keys := r.Fingerprints()
			require.Len(t, keys, 2)
			assert.Equal(t, keys[0], r.Fingerprint())
			for _, key := range []string{keys[1], keys[0]} {
				r.Use(key)
				r.Use("unknown")
				assert.Equal(t, key, r.Fingerprint())
				token, err := r.Encrypt(t.Context(), secret.New("x"))
				require.NoError(t, err)
				assert.Equal(t, key, r.KeyOf(token))
			}
		}},
		{"each key encrypts, and all decrypt", func(t *testing.T, r ports.KeyRing) {
			for _, key := range r.Fingerprints() {
				token, err := r.EncryptUnder(t.Context(), key, secret.New("x"))
				require.NoError(t, err)
				assert.Equal(t, key, r.KeyOf(token))
				text, err := r.Decrypt(t.Context(), token)
				require.NoError(t, err)
				assert.Equal(t, "x", text.Reveal())
			}
			_, err := r.EncryptUnder(t.Context(), "unknown", secret.New("x"))
			require.ErrorIs(t, err, ports.ErrEncryptionUnavailable)
		}},
		{"a MAC depends on the key and the message", func(t *testing.T, r ports.KeyRing) {
			keys := r.Fingerprints()
			mac := r.MAC(keys[0], []byte("message"))
			assert.Regexp(t, "^[0-9a-f]{64}$", mac)
			assert.Equal(t, mac, r.MAC(keys[0], []byte("message")))
			assert.NotEqual(t, mac, r.MAC(keys[1], []byte("message")))
			assert.NotEqual(t, mac, r.MAC(keys[0], []byte("messagf")))
			assert.Empty(t, r.MAC("unknown", []byte("message")))
		}},
	}
}

func changedTokens(t *testing.T, c ports.Cipher) {
	token, err := c.Encrypt(t.Context(), secret.New("secret"))
	require.NoError(t, err)
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		_, err := c.Decrypt(t.Context(), string(changed))
		require.ErrorIs(t, err, ports.ErrDecryptionFailed, "byte %d", i)
	}
	for n := range len(token) {
		_, err := c.Decrypt(t.Context(), token[:n])
		require.ErrorIs(t, err, ports.ErrDecryptionFailed, "first %d bytes", n)
	}
}
