package access

import (
	"crypto/subtle"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// KeyAttributes describes an API key, without its secret.
type KeyAttributes struct {
	ID   string
	Name string
	// Grants are 1 to MaxGrants.
	Grants  []Grant
	Created time.Time
	// CreatedBy is the zero actor where the key was made without another one.
	CreatedBy scope.Actor
	// NotBefore, Expires and Revoked are zero for at once, never and not.
	NotBefore time.Time
	Expires   time.Time
	Revoked   time.Time
	// Networks are those from which the key is accepted; none means from everywhere.
	Networks []netip.Prefix
	// Labels are for the user's own purposes.
	Labels map[string]string
	// LastUsed is when the key was last accepted, to about a minute; zero for never.
	LastUsed time.Time
	// Rotated is when the secret was last replaced, and OverlapEnds until when the one
	// before is valid, too. They are zero for never.
	Rotated     time.Time
	OverlapEnds time.Time
	// Login is where the key comes from a token of another party.
	Login Login
	// Damaged reports that the stored row is unreadable. Such a key is rejected, and can
	// be revoked.
	Damaged bool
}

// APIKey is a key as it is stored: its rights, its expiry, and digests that verify its
// secret without containing it.
type APIKey struct {
	attributes KeyAttributes
	digest     []byte
	// previous is the digest of the secret before the current one, nil for none.
	previous []byte
	// mark and previousMark are the marks of both.
	mark, previousMark SecretMark
	// notes are records for the audit log that are not stored yet.
	notes []audit.Record
}

// NewAPIKey returns the key of a token. What KeyAttributes.check refuses is ErrInvalid.
func NewAPIKey(token Token, pepper secret.Text, a KeyAttributes) (*APIKey, error) {
	a.ID = token.KeyID()
	a = a.truncated()
	if err := a.check(a.Created); err != nil {
		return nil, err
	}
	digest := token.Digest(pepper)
	return &APIKey{attributes: a, digest: digest, mark: markOf(digest)}, nil
}

// RehydrateAPIKey rebuilds a key from storage; only stores call it. The previous digest
// is nil for none.
func RehydrateAPIKey(a KeyAttributes, digest, previous []byte) *APIKey {
	return &APIKey{
		attributes: a.clone(), digest: slices.Clone(digest), previous: slices.Clone(previous),
		mark: markOf(digest), previousMark: markOf(previous),
	}
}

// Attributes returns the description of the key.
func (k *APIKey) Attributes() KeyAttributes { return k.attributes.clone() }

// Digests returns what is stored of the secret and of the one before it, which is nil
// where there is none.
func (k *APIKey) Digests() (current, previous []byte) {
	return slices.Clone(k.digest), slices.Clone(k.previous)
}

// Opens reports whether the token is this key's, in constant time, and the key is valid
// at that time. The secret before a rotation opens it until the overlap ends.
func (k *APIKey) Opens(token Token, pepper secret.Text, at time.Time) bool {
	digest := token.Digest(pepper)
	current := subtle.ConstantTimeCompare(k.digest, digest) == 1
	previous := k.previous != nil && at.Before(k.attributes.OverlapEnds) &&
		subtle.ConstantTimeCompare(k.previous, digest) == 1
	return (current || previous) && k.ValidAt(at)
}

// Has reports whether a token has the secret of the key or the one before, in constant
// time, also where the key is not valid.
func (k *APIKey) Has(token Token, pepper secret.Text) bool {
	digest := token.Digest(pepper)
	current := subtle.ConstantTimeCompare(k.digest, digest) == 1
	return current || k.previous != nil && subtle.ConstantTimeCompare(k.previous, digest) == 1
}

// OpensUntil returns until when the token opens the key, where Opens reports true; zero is
// for ever.
func (k *APIKey) OpensUntil(token Token, pepper secret.Text) time.Time {
	a := k.attributes
	if subtle.ConstantTimeCompare(k.digest, token.Digest(pepper)) == 1 {
		return a.Expires
	}
	if !a.Expires.IsZero() && a.Expires.Before(a.OverlapEnds) {
		return a.Expires
	}
	return a.OverlapEnds
}

// ValidAt reports whether the key is neither expired, revoked nor damaged at that time,
// and has begun.
func (k *APIKey) ValidAt(at time.Time) bool { return k.attributes.Status(at).valid() }

// AcceptedFrom reports whether the key is accepted from an origin. A key of some networks
// is not where the address is not certain, or the origin is nil.
func (k *APIKey) AcceptedFrom(from Origin) bool {
	if len(k.attributes.Networks) == 0 {
		return true
	}
	if from == nil {
		return false
	}
	address := from.Address().Unmap()
	return slices.ContainsFunc(k.attributes.Networks, func(n netip.Prefix) bool { return n.Contains(address) })
}

// SameRights reports whether another key has the same rights, from the same networks. It
// ignores their secrets and their times.
func (k *APIKey) SameRights(other *APIKey) bool {
	a, b := k.attributes, other.attributes
	return a.ID == b.ID && slices.EqualFunc(a.Grants, b.Grants, Grant.Equal) && slices.Equal(a.Networks, b.Networks)
}

// Note adds a record for the audit log, which is stored with the key.
func (k *APIKey) Note(r audit.Record) { k.notes = append(k.notes, r) }

// Notes returns the records that are to be stored with the key.
func (k *APIKey) Notes() []audit.Record { return k.notes }

// Actor returns the key as the author of a change.
func (k *APIKey) Actor() scope.Actor {
	return scope.Actor{KeyID: k.attributes.ID, Name: k.attributes.Name}
}

// Grants returns what the key allows. A damaged key allows nothing.
func (k *APIKey) Grants(added ...Added) []Grant { return k.attributes.Expanded(added...) }

// Expanded returns what a key with the attributes allows. A damaged one allows nothing.
func (a KeyAttributes) Expanded(added ...Added) []Grant {
	if a.Damaged {
		return nil
	}
	return Expand(a.Grants, added...)
}

func (a KeyAttributes) clone() KeyAttributes {
	a.Grants, a.Networks, a.Labels = slices.Clone(a.Grants), slices.Clone(a.Networks), maps.Clone(a.Labels)
	return a
}

// truncated returns the attributes with times as stores hold them, and without their
// grants' actions.
func (a KeyAttributes) truncated() KeyAttributes {
	a = a.clone()
	for _, t := range []*time.Time{&a.Created, &a.NotBefore, &a.Expires} {
		*t = t.Truncate(time.Microsecond)
	}
	a.Grants = StoredGrants(a.Grants)
	for i, n := range a.Networks {
		a.Networks[i] = n.Masked()
	}
	return a
}

// check returns ErrInvalid for attributes that no key has: the name is 1 to 100 bytes of
// printable UTF-8 without blanks around it, there are 1 to MaxGrants grants, the end, if
// there is one, lies at least a microsecond after now and after the beginning, and
// networks and labels are within their bounds.
func (a KeyAttributes) check(now time.Time) error {
	return fault.Merge(checkKeyName(a.Name), checkGrants(a.Grants), checkTimes(a.NotBefore, a.Expires, now),
		checkNetworks(a.Networks), checkLabels(a.Labels))
}
