package access

import (
	"context"
	"crypto/subtle"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// MaxKeyNameBytes is the longest name of an API key.
const MaxKeyNameBytes = 100

// lastYear is the last one that every store and RFC 3339 can write.
const lastYear = 9999

// Role is what an API key is for. The zero value is no role and allows nothing.
type Role uint8

// The roles.
const (
	// RoleReader reads; encrypted values only if the key may reveal.
	RoleReader Role = iota + 1
	// RoleAdmin does everything.
	RoleAdmin
	// RoleService is for programs that register themselves: it reads like a reader, and
	// writes to the service registry.
	RoleService
	// RoleEvaluator is for browsers and devices: it evaluates the flags of one
	// environment, and reads nothing.
	RoleEvaluator
)

// ParseRole returns the role of that name; another text is ErrInvalid for "role".
func ParseRole(text string) (Role, error) {
	for _, r := range []Role{RoleReader, RoleAdmin, RoleService, RoleEvaluator} {
		if r.String() == text {
			return r, nil
		}
	}
	return 0, errRole()
}

func errRole() error { return fault.Bad("role", "must be admin, reader, service or evaluator") }

// String returns "reader", "admin", "service" or "evaluator", and "none" for no role.
func (r Role) String() string {
	switch r {
	case RoleReader:
		return "reader"
	case RoleAdmin:
		return "admin"
	case RoleService:
		return "service"
	case RoleEvaluator:
		return "evaluator"
	}
	return "none"
}

// KeyAttributes describes an API key, without its secret.
type KeyAttributes struct {
	ID   string
	Name string
	Role Role
	// Reveal lets a reader or a service see the values of encrypted configurations.
	Reveal bool
	// Environment is the one that an evaluator is bound to, and zero for other roles.
	Environment scope.Environment
	Created     time.Time
	// Expires and Revoked are zero for never and not.
	Expires time.Time
	Revoked time.Time
	// Damaged reports that the stored row is unreadable. Such a key is rejected, and can
	// be revoked.
	Damaged bool
}

// APIKey is a key as it is stored: its rights, its expiry, and a digest that verifies its
// secret without containing it.
type APIKey struct {
	attributes KeyAttributes
	digest     []byte
}

// NewAPIKey returns the key of a token. The name is 1 to 100 bytes of printable UTF-8
// without blanks around it, the role is one of the roles, an evaluator, and no other
// role, is bound to an environment and reveals nothing, and the end, if there is one,
// lies at least a microsecond after the beginning; else ErrInvalid.
func NewAPIKey(token Token, pepper secret.Text, a KeyAttributes) (*APIKey, error) {
	a.ID = token.KeyID()
	a.Created, a.Expires = a.Created.Truncate(time.Microsecond), a.Expires.Truncate(time.Microsecond)
	var role, expires error
	if _, err := ParseRole(a.Role.String()); err != nil {
		role = err
	}
	if !a.Expires.IsZero() && !a.Expires.After(a.Created) {
		expires = fault.Bad("expires", "must be in the future")
	}
	if a.Expires.Year() > lastYear {
		expires = fault.Bad("expires", "must be before the year 10000")
	}
	if err := fault.Merge(checkKeyName(a.Name), role, checkBinding(a), expires); err != nil {
		return nil, err
	}
	return &APIKey{attributes: a, digest: token.Digest(pepper)}, nil
}

func checkBinding(a KeyAttributes) error {
	evaluator := a.Role == RoleEvaluator
	var environment, reveal error
	switch {
	case evaluator && a.Environment.IsZero():
		environment = fault.Bad("environment", "is required for the role evaluator")
	case !evaluator && !a.Environment.IsZero():
		environment = fault.Bad("environment", "is for the role evaluator only; other keys are valid everywhere")
	}
	if evaluator && a.Reveal {
		reveal = fault.Bad("reveal", "is not for the role evaluator, which reads no configuration")
	}
	return fault.Merge(environment, reveal)
}

func checkKeyName(name string) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case name == "" || len(name) > MaxKeyNameBytes:
		return fault.Bad("name", "must be 1 to 100 bytes long")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable) || strings.TrimSpace(name) != name:
		return fault.Bad("name", "must be printable text without surrounding spaces")
	}
	return nil
}

// RehydrateAPIKey rebuilds a key from storage; only stores call it.
func RehydrateAPIKey(a KeyAttributes, digest []byte) *APIKey {
	return &APIKey{attributes: a, digest: slices.Clone(digest)}
}

// Attributes returns the description of the key.
func (k *APIKey) Attributes() KeyAttributes { return k.attributes }

// Digest returns what is stored of the secret.
func (k *APIKey) Digest() []byte { return slices.Clone(k.digest) }

// Opens reports whether the token is this key's, in constant time, and the key is valid
// at that time: neither expired nor revoked.
func (k *APIKey) Opens(token Token, pepper secret.Text, at time.Time) bool {
	same := subtle.ConstantTimeCompare(k.digest, token.Digest(pepper)) == 1
	return same && k.ValidAt(at)
}

// ValidAt reports whether the key is neither expired, revoked nor damaged at that time.
func (k *APIKey) ValidAt(at time.Time) bool {
	expired := !k.attributes.Expires.IsZero() && !at.Before(k.attributes.Expires)
	return !expired && k.attributes.Revoked.IsZero() && !k.attributes.Damaged
}

// SameRights reports whether another key has the same secret and the same rights. It
// ignores their expiry.
func (k *APIKey) SameRights(other *APIKey) bool {
	a, b := k.attributes, other.attributes
	return a.ID == b.ID && a.Role == b.Role && a.Reveal == b.Reveal && a.Environment == b.Environment &&
		slices.Equal(k.digest, other.digest)
}

// Revoke revokes the key. A key that is revoked already keeps its first time.
func (k *APIKey) Revoke(at time.Time) {
	if k.attributes.Revoked.IsZero() {
		k.attributes.Revoked = at
	}
}

// Actor returns the key as the author of a change.
func (k *APIKey) Actor() scope.Actor {
	return scope.Actor{KeyID: k.attributes.ID, Name: k.attributes.Name}
}

// Grants returns what the key allows.
func (k *APIKey) Grants(added ...Added) []Grant {
	var grants []Grant
	switch k.attributes.Role {
	case RoleAdmin:
		return Unrestricted(added...)
	case RoleReader:
		grants = append(ReadOnly(added...), Allow(ReadHealth))
	case RoleService:
		grants = append(ReadOnly(added...), Allow(WriteService, ReadHealth))
	case RoleEvaluator:
		return []Grant{AllowIn(k.attributes.Environment, EvaluateFlag)}
	default:
		return nil
	}
	if k.attributes.Reveal {
		grants = append(grants, Allow(RevealConfiguration))
	}
	return grants
}

// Keys stores API keys and the server's secret for their digests. A store that cannot be
// reached is fault.ErrUnavailable from every method.
type Keys interface {
	// Create stores a new key, or is ErrKeyTaken.
	Create(ctx context.Context, key *APIKey) error
	// CreateFirst stores the key if there is no other, not even a revoked one, and
	// reports whether it did. Of concurrent calls one does.
	CreateFirst(ctx context.Context, key *APIKey) (bool, error)
	// Find returns the key of that id, or ErrKeyNotFound.
	Find(ctx context.Context, id string) (*APIKey, error)
	// FindAll returns the keys of those ids, at most 1,000, by their ids. Ids that do
	// not exist are missing.
	FindAll(ctx context.Context, ids []string) (map[string]*APIKey, error)
	// List returns all keys, the oldest first, then by id.
	List(ctx context.Context) ([]*APIKey, error)
	// Revoke stores when a key was revoked, and keeps an earlier time. An id that
	// does not exist is ErrKeyNotFound.
	Revoke(ctx context.Context, id string, at time.Time) error
	// Pepper returns the server's secret. Where there is none yet it stores the
	// candidate; concurrent callers get the same.
	Pepper(ctx context.Context, candidate secret.Text) (secret.Text, error)
}
