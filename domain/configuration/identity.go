package configuration

import (
	"strings"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// MaxKeyBytes is the longest key.
const MaxKeyBytes = 255

// ID is a configuration's number, from 1. It never changes and is never used again; 0 is
// a configuration that is not stored yet.
type ID int64

// Key names a configuration within its environment and service. The zero value
// is no key.
type Key struct{ text string }

// ParseKey returns the key of that text: 1 to 255 bytes that begin with a letter,
// digit or '_' and go on with those and '.', '-', ':', '/', '@', '+', '[', ']'; without
// "//", without a segment "." or "..", without a '/' at the end. Another text is
// ErrInvalid for the field "key".
func ParseKey(text string) (Key, error) {
	if reason := keyFault(text); reason != "" {
		return Key{}, fault.BadText("key", text, reason)
	}
	return Key{text: text}, nil
}

func keyFault(text string) string {
	if text == "" || len(text) > MaxKeyBytes {
		return "must be 1 to 255 bytes long"
	}
	if !word(rune(text[0])) {
		return "must begin with a letter, a digit or '_'"
	}
	if strings.ContainsFunc(text, notInKeys) {
		return "may contain letters, digits and . _ - : / @ + [ ] only"
	}
	for segment := range strings.SplitSeq(text, "/") {
		switch {
		case segment == "":
			return "must not contain '//' nor end with '/'"
		case scope.DotSegment(segment):
			return "must not contain a segment '.' or '..'"
		}
	}
	return ""
}

// BeginsKey reports whether keys can begin with text; the empty text begins all.
func BeginsKey(text string) bool {
	return len(text) <= MaxKeyBytes && !strings.ContainsFunc(text, notInKeys)
}

func notInKeys(r rune) bool { return !word(r) && !strings.ContainsRune(".-:/@+[]", r) }

func word(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_'
}

// RehydrateKey returns the key of a text as it is stored, which may break the rules;
// only stores call it, for damaged rows.
func RehydrateKey(text string) Key { return Key{text: text} }

// String returns the text.
func (k Key) String() string { return k.text }

// Identity identifies a configuration.
type Identity struct {
	Environment scope.Environment
	Service     scope.ServiceName
	Key         Key
}

// Locator is an identity as callers write it, not validated.
type Locator struct{ Environment, Service, Key string }

// Locator returns the identity's texts.
func (i Identity) Locator() Locator {
	return Locator{Environment: i.Environment.String(), Service: i.Service.String(), Key: i.Key.String()}
}

// Parse returns the identity of that locator, or ErrInvalid for every invalid field.
func (l Locator) Parse() (Identity, error) {
	key, keyErr := ParseKey(l.Key)
	environment, envErr := scope.ParseEnvironment(l.Environment)
	service, svcErr := scope.ParseServiceName(l.Service)
	return Identity{Environment: environment, Service: service, Key: key}, fault.Merge(keyErr, envErr, svcErr)
}
