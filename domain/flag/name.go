package flag

import (
	"strings"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// MaxNameBytes is the longest name of a flag, a variant or a rule.
const MaxNameBytes = 255

// ID is a flag's number, from 1. It never changes and is never used again; 0 is
// a flag that no store has seen yet.
type ID int64

// Name names a flag within its environment. The zero value is no name.
type Name struct{ text string }

// ParseName returns the name of that text: 1 to 255 bytes that begin with a
// letter or digit and go on with those and '.', '_', ':', '/', '-', without an
// empty segment, "." or ".." between slashes. Another text is ErrInvalid for the
// field "/name".
func ParseName(text string) (Name, error) {
	if !named(text) {
		return Name{}, fault.Bad("/name", namedMessage)
	}
	for segment := range strings.SplitSeq(text, "/") {
		if segment == "" || scope.DotSegment(segment) {
			return Name{}, fault.Bad("/name", "must not hold an empty segment, '.' or '..' between slashes")
		}
	}
	return Name{text: text}, nil
}

const namedMessage = "must be 1 to 255 letters, digits and . _ : / - that begin with a letter or digit"

// named reports whether a text can name a flag, a variant or a rule. Such a text
// stands in JSON, URLs and logs as it is.
func named(text string) bool {
	return text != "" && BeginsName(text)
}

// BeginsName reports whether names can begin with text; the empty text begins all.
func BeginsName(text string) bool {
	if text == "" {
		return true
	}
	return len(text) <= MaxNameBytes && !strings.ContainsRune("._:/-", rune(text[0])) &&
		!strings.ContainsFunc(text, notInNames)
}

func notInNames(r rune) bool {
	letterOrDigit := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letterOrDigit && !strings.ContainsRune("._:/-", r)
}

// RehydrateName returns the name of a text as it is stored, which may break the rules;
// only stores call it, for damaged rows.
func RehydrateName(text string) Name { return Name{text: text} }

// String returns the text.
func (n Name) String() string { return n.text }

// Identity is what tells one flag from another.
type Identity struct {
	Environment scope.Environment
	Name        Name
}

// Locator is the text of an identity, as callers name it; nothing of it was checked.
type Locator struct{ Environment, Name string }

// Locator returns the identity's texts.
func (i Identity) Locator() Locator {
	return Locator{Environment: i.Environment.String(), Name: i.Name.String()}
}

// Parse returns the identity of that locator, or ErrInvalid for every text that is not
// allowed.
func (l Locator) Parse() (Identity, error) {
	name, nameErr := ParseName(l.Name)
	environment, envErr := scope.ParseEnvironment(l.Environment)
	return Identity{Environment: environment, Name: name}, fault.Merge(nameErr, envErr)
}
