package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Pass allows a client to be notified that flags of one environment have changed, as long
// as the secret of the key that it was issued for is valid. It is for clients that cannot send a
// header, and reveals no flag. Within one hour the same pass is issued again.
type Pass struct {
	// KeyID is empty for callers without a key.
	KeyID string
	// Secret is the mark of the secret that the caller had.
	Secret      SecretMark
	Environment scope.Environment
	// hour is when it was issued, in hours since 1970.
	hour int64
}

// PassHours is for how many hours a pass is valid, including the one in which it was
// issued.
const PassHours = 2

// NewPass returns a pass for the holder of a secret of a key.
func NewPass(keyID string, secret SecretMark, e scope.Environment, now time.Time) Pass {
	return Pass{KeyID: keyID, Secret: secret, Environment: e, hour: hourOf(now)}
}

func hourOf(t time.Time) int64 { return t.Unix() / int64(time.Hour/time.Second) }

// Text returns the pass, signed with the server's secret: its content in plain text, and
// the HMAC-SHA-256 of that.
func (p Pass) Text(pepper secret.Text) string {
	said := p.KeyID + "." + string(p.Secret) + "." + p.Environment.String() + "." + strconv.FormatInt(p.hour, 10)
	return said + "." + signature(said, pepper)
}

// signature signs with a prefix that nothing else signed with the secret has.
func signature(said string, pepper secret.Text) string {
	mac := hmac.New(sha256.New, []byte(pepper.Reveal()))
	mac.Write([]byte("signalbox pass\x00" + said))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// ParsePass parses a pass. One with another signature, and one that is no longer valid,
// is ErrInvalidKey.
func ParsePass(text string, pepper secret.Text, now time.Time) (Pass, error) {
	end := strings.LastIndexByte(text, '.')
	if end < 0 || !hmac.Equal([]byte(signature(text[:end], pepper)), []byte(text[end+1:])) {
		return Pass{}, ErrInvalidKey
	}
	keyID, rest, _ := strings.Cut(text[:end], ".")
	mark, rest, _ := strings.Cut(rest, ".")
	middle := max(strings.LastIndexByte(rest, '.'), 0)
	e, err := scope.ParseEnvironment(rest[:middle])
	hour, hourErr := strconv.ParseInt(strings.TrimPrefix(rest[middle:], "."), 10, 64)
	age := hourOf(now) - hour
	if err != nil || hourErr != nil || age < 0 || age >= PassHours {
		return Pass{}, ErrInvalidKey
	}
	return Pass{KeyID: keyID, Secret: SecretMark(mark), Environment: e, hour: hour}, nil
}
