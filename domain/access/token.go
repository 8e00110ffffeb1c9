package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash/crc32"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Lengths of an API key's parts, in base62 digits.
const (
	KeyIDLength     = 8
	SecretLength    = 32
	checksumLength  = 6
	tokenPrefix     = "sbx_"
	base62Digits    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	tokenLength     = len(tokenPrefix) + KeyIDLength + 1 + SecretLength + checksumLength
	secretStart     = len(tokenPrefix) + KeyIDLength + 1
	checksumStart   = secretStart + SecretLength
	separatorOffset = secretStart - 1
)

// Token is an API key as a client sends it:
//
//	sbx_<8 base62 key id>_<32 base62 secret><6 base62 CRC-32>
//
// The checksum is the CRC-32 (IEEE 802.3) of everything before it, as a base62
// number of six digits, most significant first, with the digits 0-9A-Za-z. It
// lets a typing error and a leaked key be recognised without a database.
type Token struct {
	keyID  string
	secret secret.Text
}

// NewToken returns the token of a key id of 8 and a secret of 32 base62 digits,
// which the caller draws at random. Others are ErrInvalidKey.
func NewToken(keyID, secretPart string) (Token, error) {
	if len(keyID) != KeyIDLength || len(secretPart) != SecretLength || !base62(keyID) || !base62(secretPart) {
		return Token{}, ErrInvalidKey
	}
	return Token{keyID: keyID, secret: secret.New(secretPart)}, nil
}

// NamedKey returns the key id in a text, or false for a text without the length and the
// prefix of a token. It checks nothing else.
func NamedKey(text string) (keyID string, ok bool) {
	if len(text) != tokenLength || !strings.HasPrefix(text, tokenPrefix) {
		return "", false
	}
	return text[len(tokenPrefix):separatorOffset], true
}

// ParseToken parses a token. A text of another form, or with a wrong checksum, is
// ErrInvalidKey.
func ParseToken(text string) (Token, error) {
	if len(text) != tokenLength || !strings.HasPrefix(text, tokenPrefix) || text[separatorOffset] != '_' {
		return Token{}, ErrInvalidKey
	}
	if checksum(text[:checksumStart]) != text[checksumStart:] {
		return Token{}, ErrInvalidKey
	}
	return NewToken(text[len(tokenPrefix):separatorOffset], text[secretStart:checksumStart])
}

// KeyID returns the public part.
func (t Token) KeyID() string { return t.keyID }

// Text returns the token, redacted in prints and logs.
func (t Token) Text() secret.Text {
	body := tokenPrefix + t.keyID + "_" + t.secret.Reveal()
	return secret.New(body + checksum(body))
}

// Digest returns what is stored of the token: the HMAC-SHA-256 of its secret
// under the server's secret.
func (t Token) Digest(pepper secret.Text) []byte {
	mac := hmac.New(sha256.New, []byte(pepper.Reveal()))
	mac.Write([]byte(t.secret.Reveal()))
	return mac.Sum(nil)
}

func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	var digits [checksumLength]byte
	for i := checksumLength - 1; i >= 0; i-- {
		digits[i] = base62Digits[sum%62]
		sum /= 62
	}
	return string(digits[:])
}

func base62(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
		default:
			return false
		}
	}
	return true
}
