package ports

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Cipher encrypts values for storage. It is safe for concurrent use.
type Cipher interface {
	// Encrypt returns a token that Decrypt opens. Two calls never return the same
	// token. ErrEncryptionUnavailable when there is no key or encryption is off.
	Encrypt(ctx context.Context, plaintext secret.Text) (token string, err error)
	// Decrypt returns what a token holds. A token that is damaged, forged or made
	// under another key is ErrDecryptionFailed, and so is any token without a key.
	// Encryption that is off still decrypts, if it has a key.
	Decrypt(ctx context.Context, token string) (secret.Text, error)
	// Fingerprint names the key under which Encrypt encrypts, without revealing it; it is
	// empty without a key.
	Fingerprint() string
	// KeyOf returns the fingerprint of the key that opens a token, or "" where none does.
	KeyOf(token string) string
}

// KeyRing is a Cipher of several keys, the first of which is meant to be the current one. It
// is safe for concurrent use.
type KeyRing interface {
	Cipher
	// Fingerprints names the keys in their order.
	Fingerprints() []string
	// Use makes a key the one under which Encrypt encrypts. Until it is called that is the
	// first one. A fingerprint that is not in the ring changes nothing.
	Use(fingerprint string)
	// EncryptUnder is Encrypt under the key of that fingerprint. Without that key, or where
	// encryption is off, it is ErrEncryptionUnavailable.
	EncryptUnder(ctx context.Context, fingerprint string, plaintext secret.Text) (token string, err error)
	// MAC returns the message authentication code of a message in hex, under a key that is
	// derived from the one of that fingerprint, or "" where the ring does not have it.
	MAC(fingerprint string, message []byte) string
}

// Failures of a Cipher.
var (
	// ErrEncryptionUnavailable is encryption that is off or has no key.
	ErrEncryptionUnavailable = fault.New(fault.Invalid, "encryption_unavailable",
		"Encryption is not available here. Set ENABLE_ENCRYPTION=true and ENCRYPTION_KEY, or store it unencrypted.")
	// ErrDecryptionFailed is a token that this key does not open.
	ErrDecryptionFailed = fault.New(fault.Internal, "decryption_failed",
		"The stored value cannot be decrypted with the key in force.")
	// ErrTokenTampered is a token that does not belong to the row in which it is stored: it was
	// copied there, or what binds it to its row was removed.
	ErrTokenTampered = fault.New(fault.Internal, "token_tampered",
		"The stored value does not belong to this configuration and version. "+
			"Replace it, or roll back to another version.")
)
