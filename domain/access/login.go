package access

import (
	"crypto/sha256"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Login is the origin of a key that was issued for a token of another party (domain
// package trust). The zero value is for keys that were not.
type Login struct {
	// BindingID and IssuerID are those that gave the key its grants.
	BindingID, IssuerID string
	// Subject is the token's.
	Subject string
}

// IsZero reports whether a key is not of a login.
func (l Login) IsZero() bool { return l == Login{} }

// ErrLoginKey is a change of a key that belongs to a login.
var ErrLoginKey = fault.New(fault.Conflict, "login_key",
	"The key belongs to a login with a token. It can be revoked; change the binding of the login for more.")

// directPrefix begins the ids of callers whose token is accepted in place of a key. It is
// no base62 digit, so that no key has such an id.
const directPrefix = '~'

// DirectID returns the key id under which the holder of a token in the compact form (RFC
// 7515 section 7.1) acts: "~" and seven base62 digits of the SHA-256 of what is signed, the
// header and the claims. The same token has the same id, also with its signature in another
// form; equal ids do not mean equal tokens.
func DirectID(token string) string {
	digest := sha256.Sum256([]byte(token[:max(strings.LastIndexByte(token, '.'), 0)]))
	id := [KeyIDLength]byte{directPrefix}
	for i := 1; i < KeyIDLength; i++ {
		id[i] = base62Digits[int(digest[i])%len(base62Digits)]
	}
	return string(id[:])
}

// AllLogins stands for all keys of logins and all tokens where an id of a key is expected
// (KeyChanges). No key has this id.
const AllLogins = string(directPrefix)

// IsDirectID reports whether a key id is one of DirectID.
func IsDirectID(id string) bool { return len(id) == KeyIDLength && id[0] == directPrefix }

// CheckGrants returns ErrInvalid where a key cannot have these grants.
func CheckGrants(grants []Grant) error { return checkGrants(grants) }

// StoredGrants returns grants as stores hold them: without their actions.
func StoredGrants(grants []Grant) []Grant {
	list := make([]Grant, len(grants))
	for i, g := range grants {
		g.actions = nil
		g.Reveal = g.Reveal || g.Role == RoleAdmin || g.Role == RoleOperator
		list[i] = g
	}
	return list
}
