package access

import (
	"slices"
	"time"
)

// AdminReserve is for how long an admin key has to be valid at least in order to count as
// a usable one: time enough to make another.
const AdminReserve = time.Hour

// FullAdmin reports whether a key with the attributes allows everything everywhere.
func (a KeyAttributes) FullAdmin() bool {
	return !a.Damaged && slices.ContainsFunc(a.Grants, Grant.IsFullAdmin)
}

// opensAll reports whether a key with the attributes is valid at that time, from
// everywhere, not of a login, and allows everything.
func (a KeyAttributes) opensAll(at time.Time) bool {
	return a.Status(at).valid() && a.FullAdmin() && len(a.Networks) == 0 && a.Login.IsZero()
}

// UsableAdmin reports whether the key is valid at that time and for AdminReserve after it,
// from everywhere, and allows everything.
func (k *APIKey) UsableAdmin(at time.Time) bool {
	return k.attributes.opensAll(at) && k.attributes.opensAll(at.Add(AdminReserve))
}

// EndsAdmin reports whether a change at some time, from the attributes before to these,
// ends a key that allowed everything from everywhere then, or lets it end within
// AdminReserve and earlier than before.
func (a KeyAttributes) EndsAdmin(before KeyAttributes, at time.Time) bool {
	switch {
	case !before.opensAll(at):
		return false
	case !a.opensAll(at):
		return true
	}
	return !a.opensAll(at.Add(AdminReserve)) && (before.Expires.IsZero() || a.Expires.Before(before.Expires))
}
