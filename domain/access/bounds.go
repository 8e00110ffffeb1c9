package access

import (
	"net/netip"
	"slices"
	"time"
)

// Bounds are until when and from where a key is accepted. The zero value bounds nothing.
type Bounds struct {
	// Expires is zero for never.
	Expires time.Time
	// Networks are those from which the key is accepted; none means from everywhere.
	Networks []netip.Prefix
}

// Exceeded returns the names of the attributes in which other bounds are wider than these:
// "expires_at" where they end later, and "networks" where they have an address that no
// network here contains. Nil is for bounds that lie within these.
func (b Bounds) Exceeded(other Bounds) []string {
	var wider []string
	if !b.Expires.IsZero() && (other.Expires.IsZero() || other.Expires.After(b.Expires)) {
		wider = append(wider, "expires_at")
	}
	if len(b.Networks) > 0 && (len(other.Networks) == 0 || slices.ContainsFunc(other.Networks, b.lacks)) {
		wider = append(wider, "networks")
	}
	return wider
}

// lacks reports whether no network contains all addresses of another one.
func (b Bounds) lacks(other netip.Prefix) bool {
	return !slices.ContainsFunc(b.Networks, func(n netip.Prefix) bool {
		return n.Bits() <= other.Bits() && n.Contains(other.Addr())
	})
}

// Bounds returns until when and from where a key with the attributes is accepted.
func (a KeyAttributes) Bounds() Bounds {
	return Bounds{Expires: a.Expires, Networks: slices.Clone(a.Networks)}
}

// Exceeded returns the names of the attributes in which a key would allow more than the
// caller is allowed itself: "grants", "expires_at" and "networks". Nil is for a key that
// allows no more.
func (c Caller) Exceeded(grants []Grant, bounds Bounds) []string {
	var wider []string
	if !Covers(c.Grants, grants) {
		wider = append(wider, "grants")
	}
	return append(wider, c.Bounds.Exceeded(bounds)...)
}
