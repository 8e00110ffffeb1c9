package access

import (
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Bounds of an API key.
const (
	// MaxKeyNameBytes is the longest name.
	MaxKeyNameBytes = 100
	// MaxNetworks bounds the networks.
	MaxNetworks = 50
	// MaxLabels bounds the labels, MaxLabelBytes the name of each, and its value.
	MaxLabels     = 20
	MaxLabelBytes = 100
)

// The years between which every store and RFC 3339 can write a time, and in which there is
// one to begin in.
const (
	firstYear = 1970
	lastYear  = 9999
)

// ExpiryWarning is how long before its end a key is reported as expiring.
const ExpiryWarning = 14 * 24 * time.Hour

// KeyStatus is the state of a key at some time.
type KeyStatus string

// The states of a key. Active and expiring keys are valid.
const (
	KeyActive   KeyStatus = "active"
	KeyExpiring KeyStatus = "expiring"
	KeyNotYet   KeyStatus = "not_yet_valid"
	KeyExpired  KeyStatus = "expired"
	KeyRevoked  KeyStatus = "revoked"
	KeyDamaged  KeyStatus = "damaged"
)

func (s KeyStatus) valid() bool { return s == KeyActive || s == KeyExpiring }

// Status returns the state of a key with the attributes at a time.
func (a KeyAttributes) Status(at time.Time) KeyStatus {
	switch {
	case !a.Revoked.IsZero():
		return KeyRevoked
	case a.Damaged:
		return KeyDamaged
	case !a.Expires.IsZero() && !at.Before(a.Expires):
		return KeyExpired
	case at.Before(a.NotBefore):
		return KeyNotYet
	case a.Login.IsZero() && !a.Expires.IsZero() && a.Expires.Sub(at) <= ExpiryWarning:
		return KeyExpiring
	}
	return KeyActive
}

func checkKeyName(name string) error {
	switch {
	case name == "" || len(name) > MaxKeyNameBytes:
		return fault.Bad("name", "must be 1 to 100 bytes long")
	case !printable(name) || strings.TrimSpace(name) != name:
		return fault.Bad("name", "must be printable text without surrounding spaces")
	}
	return nil
}

func printable(text string) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unprintable)
}

func checkTimes(begin, end, now time.Time) error {
	var expires, notBefore error
	switch {
	case !end.IsZero() && !end.After(now):
		expires = fault.Bad("expires_at", "must be in the future")
	case !end.IsZero() && !end.After(begin):
		expires = fault.Bad("expires_at", "must be after not_before")
	case end.UTC().Year() > lastYear:
		expires = fault.Bad("expires_at", "must be before the year 10000")
	}
	if year := begin.UTC().Year(); !begin.IsZero() && (year < firstYear || year > lastYear) {
		notBefore = fault.Bad("not_before", "must be in the years 1970 to 9999")
	}
	return fault.Merge(notBefore, expires)
}

func checkNetworks(networks []netip.Prefix) error {
	if len(networks) > MaxNetworks {
		return fault.Bad("networks", "must have at most 50 entries")
	}
	for _, n := range networks {
		if !n.IsValid() || n.Addr().Is4In6() {
			return fault.Bad("networks", errNetwork)
		}
	}
	return nil
}

const errNetwork = "must have entries such as 10.0.0.0/8 or 2001:db8::/32"

// ParseNetwork returns the network of a text: an IP address, or one with the length of a
// prefix (RFC 4632). Others are ErrInvalid for "networks".
func ParseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if err != nil {
		var address netip.Addr
		if address, err = netip.ParseAddr(text); err == nil && address.Zone() == "" {
			network = netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen())
		}
	}
	if !network.IsValid() || network.Addr().Is4In6() {
		return netip.Prefix{}, fault.Bad("networks", errNetwork)
	}
	return network.Masked(), nil
}

func checkLabels(labels map[string]string) error {
	if len(labels) > MaxLabels {
		return fault.Bad("labels", "must have at most 20 entries")
	}
	for name, value := range labels {
		long := len(name) > MaxLabelBytes || len(value) > MaxLabelBytes
		if name == "" || long || !printable(name) || !printable(value) {
			return fault.Bad("labels", "must have names of 1 to 100 bytes and values of at most 100, of printable text")
		}
	}
	return nil
}
