package access

import (
	"net/netip"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// MaxOverlap is for how long the former secret of a rotated key can stay valid.
const MaxOverlap = 30 * 24 * time.Hour

// Amendment changes a key; nil fields leave what is there.
type Amendment struct {
	Name   *string
	Grants []Grant
	// NotBefore and Expires are zero for at once and never.
	NotBefore, Expires *time.Time
	Networks           *[]netip.Prefix
	Labels             *map[string]string
}

// Amend changes the key at a time. A revoked or damaged key is ErrKeyRevoked, one of a login
// ErrLoginKey, and what NewAPIKey rejects is ErrInvalid.
func (k *APIKey) Amend(m Amendment, at time.Time) error {
	if err := k.checkLiving(); err != nil {
		return err
	}
	a := k.attributes.clone()
	now := a.Created
	if m.Name != nil {
		a.Name = *m.Name
	}
	if m.Grants != nil {
		a.Grants = m.Grants
	}
	if m.NotBefore != nil {
		a.NotBefore = *m.NotBefore
	}
	if m.Expires != nil {
		a.Expires, now = *m.Expires, at
	}
	if m.Networks != nil {
		a.Networks = *m.Networks
	}
	if m.Labels != nil {
		a.Labels = *m.Labels
	}
	a = a.truncated()
	if err := a.check(now); err != nil {
		return err
	}
	k.attributes = a
	return nil
}

// Rotate replaces the secret of the key. The one before stays valid for the overlap, 0 to
// MaxOverlap. Without an overlap no other secret is valid any more. With one, while the
// overlap of the rotation before lasts, it is ErrOverlapping: a key has two secrets at
// most. A revoked or damaged key is ErrKeyRevoked, one of a login ErrLoginKey, and the token
// of another key ErrInvalidKey.
func (k *APIKey) Rotate(token Token, pepper secret.Text, overlap time.Duration, at time.Time) error {
	if err := k.checkLiving(); err != nil {
		return err
	}
	if token.KeyID() != k.attributes.ID {
		return ErrInvalidKey
	}
	if overlap < 0 || overlap > MaxOverlap {
		return fault.Bad("overlap_seconds", "must be 0 to 2592000 (30 days)")
	}
	if ends := k.attributes.OverlapEnds; overlap > 0 && k.previous != nil && at.Before(ends) {
		return ErrOverlapping.WithDetail("overlap_ends_at", ends.UTC().Format(time.RFC3339Nano))
	}
	k.attributes.Rotated, k.attributes.OverlapEnds = at.Truncate(time.Microsecond), time.Time{}
	before, mark := k.digest, k.mark
	k.previous, k.previousMark = nil, ""
	if overlap > 0 {
		k.previous, k.previousMark = before, mark
		k.attributes.OverlapEnds = k.attributes.Rotated.Add(overlap)
	}
	k.digest = token.Digest(pepper)
	k.mark = markOf(k.digest)
	return nil
}

func (k *APIKey) checkLiving() error {
	if !k.attributes.Login.IsZero() {
		return ErrLoginKey
	}
	if !k.attributes.Revoked.IsZero() || k.attributes.Damaged {
		return ErrKeyRevoked
	}
	return nil
}

// Revoke revokes the key. A key that is revoked already keeps its first time.
func (k *APIKey) Revoke(at time.Time) {
	if k.attributes.Revoked.IsZero() {
		k.attributes.Revoked = at.Truncate(time.Microsecond)
	}
}
