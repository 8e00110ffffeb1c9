package access

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/signalbox-hq/signalbox/domain/secret"
)

// SecretMark tells the secrets of a key apart, and says nothing else about them. It may be
// shown. The empty mark is of no secret.
type SecretMark string

// markBytes are those of the hash that a mark has.
const markBytes = 12

// markOf returns the mark of a secret by its digest; the empty one for none.
func markOf(digest []byte) SecretMark {
	if len(digest) == 0 {
		return ""
	}
	sum := sha256.Sum256(append([]byte("signalbox secret mark\x00"), digest...))
	return SecretMark(base64.RawURLEncoding.EncodeToString(sum[:markBytes]))
}

// Mark returns the mark of the key's current secret.
func (k *APIKey) Mark() SecretMark { return k.mark }

// Mark returns the mark of the token's secret under the server's secret.
func (t Token) Mark(pepper secret.Text) SecretMark { return markOf(t.Digest(pepper)) }

// HeldWith reports whether the key is valid at a time, and the secret of the mark opens it
// then. What was begun with a secret ends with that secret, though the key has another.
func (k *APIKey) HeldWith(mark SecretMark, at time.Time) bool {
	current := mark != "" && mark == k.mark
	previous := mark != "" && mark == k.previousMark && at.Before(k.attributes.OverlapEnds)
	return (current || previous) && k.ValidAt(at)
}
