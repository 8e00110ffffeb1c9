package configapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// ErrWrongKey is an encryption key that opens nothing of what is stored.
var ErrWrongKey = errors.New("ENCRYPTION_KEY is not the key under which the values of this database are encrypted, " +
	"and is not in ENCRYPTION_KEYS. " +
	"Set that key again; new values would be encrypted under another one, and the old ones stay unreadable")

// canaryKind and canaryText are those of the canaries of encryption keys.
const (
	canaryKind = "encryption_key"
	canaryText = "signalbox"
)

// maxProbedTokens bounds how many stored tokens are opened: a damaged one proves nothing.
const maxProbedTokens = 100

// Canaries store a token of canaryText for each encryption key, by its fingerprint.
type Canaries interface {
	Find(ctx context.Context, kind string) (map[string]string, error)
	Keep(ctx context.Context, kind, fingerprint, value string) error
	Forget(ctx context.Context, kind, fingerprint string) error
}

// Tokens returns stored tokens.
type Tokens interface {
	Tokens(ctx context.Context, limit int) ([]string, error)
}

// CheckKey returns ErrWrongKey unless the cipher's key is one that values of the database
// are encrypted under, or nothing is encrypted there. The key's canary shows it; where there is none,
// stored tokens do, and the canary is stored.
func CheckKey(
	ctx context.Context, cipher ports.Cipher, fingerprint string, canaries Canaries, tokens Tokens,
) error {
	known, err := canaries.Find(ctx, canaryKind)
	if err != nil {
		return err
	}
	if token, found := known[fingerprint]; found {
		if text, err := cipher.Decrypt(ctx, token); err != nil || text.Reveal() != canaryText {
			return ErrWrongKey
		}
		return nil
	}
	stored, err := tokens.Tokens(ctx, maxProbedTokens)
	if err != nil {
		return err
	}
	if len(stored) > 0 && !opensOne(ctx, cipher, stored) {
		return ErrWrongKey
	}
	token, err := cipher.Encrypt(ctx, secret.New(canaryText))
	if errors.Is(err, ports.ErrEncryptionUnavailable) {
		return nil // the key opens values, and encrypts none
	}
	if err != nil {
		return err
	}
	return canaries.Keep(ctx, canaryKind, fingerprint, token)
}

func opensOne(ctx context.Context, cipher ports.Cipher, tokens []string) bool {
	for _, token := range tokens {
		if _, err := cipher.Decrypt(ctx, token); err == nil {
			return true
		}
	}
	return false
}
