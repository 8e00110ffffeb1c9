package fernetcipher

import (
	"context"
	"crypto/aes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/fernet/fernet-go"

	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// Layout of a token, by the Fernet specification
// (github.com/fernet/spec/blob/master/Spec.md): version, time, IV, ciphertext, HMAC.
const (
	versionByte = 0x80
	headSize    = 1 + 8 + aes.BlockSize
	leastSize   = headSize + aes.BlockSize + sha256.Size
	keySize     = 32
)

// errTwice is a ring with a key twice.
var errTwice = errors.New("ENCRYPTION_KEYS has a key twice")

// errKey says what is wrong with a key without showing it.
var errKey = errors.New("ENCRYPTION_KEY has to be base64 of 32 bytes, as 'signalbox keygen' prints it")

// Cipher encrypts under one of its Fernet keys, and decrypts under all of them. It is safe
// for concurrent use.
type Cipher struct {
	keys         []*fernet.Key
	fingerprints []string
	macKeys      [][]byte
	// current is the index of the key that encrypts.
	current atomic.Int32
	enabled bool
}

var _ ports.KeyRing = (*Cipher)(nil)

// macInfo is the info of HKDF (RFC 5869) by which the key of MACs is derived from a key.
const macInfo = "signalbox token binding v1"

// New returns a cipher under a key, in base64 of the standard or the URL
// alphabet. An empty key is none: nothing can be encrypted or decrypted. With
// enabled false nothing is encrypted any more, but what is stored still opens. A
// key of another form is an error that does not show it.
func New(key secret.Text, enabled bool) (*Cipher, error) {
	if key.IsZero() {
		return &Cipher{}, nil
	}
	return NewRing([]secret.Text{key}, enabled)
}

// NewRing returns a cipher of several keys, as New does of one. The first one is current:
// new values are encrypted under it. A key twice is an error.
func NewRing(keys []secret.Text, enabled bool) (*Cipher, error) {
	c := &Cipher{enabled: enabled && len(keys) > 0}
	for _, key := range keys {
		raw, err := decodeKey(key.Reveal())
		if err != nil {
			return nil, err
		}
		name := fingerprint(raw)
		if slices.Contains(c.fingerprints, name) {
			return nil, errTwice
		}
		derived, err := hkdf.Key(sha256.New, raw[:], nil, macInfo, sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("derive a key: %w", err)
		}
		c.keys, c.fingerprints = append(c.keys, raw), append(c.fingerprints, name)
		c.macKeys = append(c.macKeys, derived)
	}
	return c, nil
}

func decodeKey(text string) (*fernet.Key, error) {
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawStdEncoding.DecodeString(standard)
	if err != nil || len(raw) != keySize {
		return nil, errKey
	}
	key := new(fernet.Key)
	copy(key[:], raw)
	return key, nil
}

// Fingerprint names the current key without revealing it: the first eight bytes of the
// SHA-256 of its 32 random bytes, in hex. It is empty without a key.
func (c *Cipher) Fingerprint() string {
	if len(c.fingerprints) == 0 {
		return ""
	}
	return c.fingerprints[c.current.Load()]
}

// Fingerprints names the keys in their order.
func (c *Cipher) Fingerprints() []string { return slices.Clone(c.fingerprints) }

// Use makes a key of the ring the current one.
func (c *Cipher) Use(fingerprint string) {
	if i := slices.Index(c.fingerprints, fingerprint); i >= 0 {
		c.current.Store(int32(i)) //nolint:gosec // a ring has few keys
	}
}

// MAC returns the HMAC-SHA256 of a message in hex. Its key is derived from the key of that
// fingerprint by HKDF-SHA256 without a salt, with macInfo as its info.
func (c *Cipher) MAC(fingerprint string, message []byte) string {
	i := slices.Index(c.fingerprints, fingerprint)
	if i < 0 {
		return ""
	}
	mac := hmac.New(sha256.New, c.macKeys[i])
	mac.Write(message)
	return hex.EncodeToString(mac.Sum(nil))
}

func fingerprint(key *fernet.Key) string {
	sum := sha256.Sum256(key[:])
	return hex.EncodeToString(sum[:8])
}

// KeyOf returns the fingerprint of the key that opens a token, or "" where none does.
func (c *Cipher) KeyOf(token string) string {
	if !wellFormed(token) {
		return ""
	}
	for i := range c.keys {
		if fernet.VerifyAndDecrypt([]byte(token), 0, c.keys[i:i+1]) != nil {
			return c.fingerprints[i]
		}
	}
	return ""
}

// GenerateKey returns a new key as Fernet's own generate_key prints it: base64
// of 32 random bytes in the URL alphabet, with padding.
func GenerateKey() (secret.Text, error) {
	key := new(fernet.Key)
	if err := key.Generate(); err != nil {
		return secret.Text{}, fmt.Errorf("make an encryption key: %w", err)
	}
	return secret.New(key.Encode()), nil
}

// Encrypt returns a Fernet token of the plaintext under the current key.
func (c *Cipher) Encrypt(ctx context.Context, plaintext secret.Text) (string, error) {
	return c.EncryptUnder(ctx, c.Fingerprint(), plaintext)
}

// EncryptUnder returns a Fernet token of the plaintext under a key of the ring.
func (c *Cipher) EncryptUnder(_ context.Context, fingerprint string, plaintext secret.Text) (string, error) {
	i := slices.Index(c.fingerprints, fingerprint)
	if !c.enabled || i < 0 {
		return "", ports.ErrEncryptionUnavailable
	}
	token, err := fernet.EncryptAndSign([]byte(plaintext.Reveal()), c.keys[i])
	if err != nil {
		return "", fmt.Errorf("encrypt a value: %w", err)
	}
	return string(token), nil
}

// Decrypt returns what a token holds, however old it is: values at rest do not
// expire.
func (c *Cipher) Decrypt(_ context.Context, token string) (secret.Text, error) {
	if !wellFormed(token) {
		return secret.Text{}, ports.ErrDecryptionFailed
	}
	// A ttl of 0 skips the checks of the token's time; a failure comes back as nil.
	plaintext := fernet.VerifyAndDecrypt([]byte(token), 0, c.keys)
	if plaintext == nil {
		return secret.Text{}, ports.ErrDecryptionFailed
	}
	return secret.New(string(plaintext)), nil
}

// wellFormed checks what fernet-go does not: that the base64 is whole, and that
// the parts are as long as it takes for granted.
func wellFormed(token string) bool {
	raw, err := base64.URLEncoding.Strict().DecodeString(token)
	return err == nil && !strings.ContainsAny(token, "\r\n") &&
		len(raw) >= leastSize && raw[0] == versionByte && (len(raw)-headSize-sha256.Size)%aes.BlockSize == 0
}
