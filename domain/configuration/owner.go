package configuration

import (
	"encoding/binary"
	"slices"
)

// Owner is the version of a configuration that a stored token belongs to.
type Owner struct {
	Identity Identity
	Version  Version
}

// Binding returns the canonical encoding of an owner and its token, of which the token's MAC
// is made: environment, service and key, each behind its length in 4 bytes, the version in 8
// bytes, and the token behind its length in 4 bytes. Numbers are big-endian. No two owners
// or tokens have the same encoding.
func (o Owner) Binding(token string) []byte {
	at := o.Identity.Locator()
	list := []string{at.Environment, at.Service, at.Key}
	size := 8 + 4 + len(token)
	for _, text := range list {
		size += 4 + len(text)
	}
	b := make([]byte, 0, size)
	for _, text := range list {
		b = appendText(b, text)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(max(o.Version, 0)))
	return appendText(b, token)
}

// appendText appends a text behind its length. Texts are shorter than 4 GiB: MaxValueBytes.
func appendText(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(text))) //nolint:gosec // see above
	return append(b, text...)
}

// Binder returns content with the MAC that binds its token to an owner. Content that is not
// encrypted, and a token that does not belong where it was stored, come back as they are.
type Binder func(c Content, owner Owner) Content

// BindWith binds the tokens of the unsaved versions to them, and makes the next Save do so
// with the tokens of what it seals. Without it they are stored without a MAC.
func (c *Configuration) BindWith(bind Binder) {
	entries := c.Entries()
	for i, e := range entries {
		entries[i] = e.Bind(c.identity, bind)
	}
	if len(entries) > 0 {
		c.present.Content = bind(c.present.Content, Owner{c.identity, c.Version()})
		c.binder = bind
	}
}

// Bind returns the entry with its tokens bound: the one of New to the entry's version, and
// the one of Old to the version before.
func (e HistoryEntry) Bind(identity Identity, bind Binder) HistoryEntry {
	e.Old = bind(e.Old, Owner{identity, e.Version - 1})
	e.New = bind(e.New, Owner{identity, e.Version})
	return e
}

// CurrentKey returns the fingerprint of the key under which values are to be encrypted: the
// first of a ring that each of the other rings has, too, so that every replica can read what
// one of them writes. Rings without keys are left out. Where no key is in all of them it is the
// first, and "" for an empty ring.
func CurrentKey(ring []string, others [][]string) string {
	for _, fingerprint := range ring {
		if inAll(fingerprint, others) {
			return fingerprint
		}
	}
	if len(ring) == 0 {
		return ""
	}
	return ring[0]
}

func inAll(fingerprint string, rings [][]string) bool {
	for _, ring := range rings {
		if len(ring) > 0 && !slices.Contains(ring, fingerprint) {
			return false
		}
	}
	return true
}
