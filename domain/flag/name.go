package flag

import (
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// MaxNameBytes is the longest name of a flag, a variant or a rule.
const MaxNameBytes = scope.MaxFlagNameBytes

// ID is a flag's number, from 1. It never changes and is never used again; 0 is a flag
// that is not stored yet.
type ID int64

// Name names a flag within its environment. The zero value is no name.
type Name = scope.FlagName

// ParseName returns the name of that text, as scope.ParseFlagName does. Another text is
// ErrInvalid for the field "/name".
func ParseName(text string) (Name, error) {
	n, err := scope.ParseFlagName(text)
	if err != nil {
		return Name{}, fault.Bad("/name", fault.Of(err).Fields()[0].Message)
	}
	return n, nil
}

const namedMessage = scope.FlagNameRule

// named reports whether a text can name a variant or a rule. Such a name needs no escape
// in JSON, URLs and logs.
func named(text string) bool { return text != "" && BeginsName(text) }

// BeginsName reports whether names can begin with text; the empty text begins all.
func BeginsName(text string) bool { return scope.BeginsFlagName(text) }

// RehydrateName returns the name as it is stored, which may break the grammar; only
// stores call it, for damaged rows.
func RehydrateName(text string) Name { return scope.RehydrateFlagName(text) }

// Identity identifies a flag.
type Identity struct {
	Environment scope.Environment
	Name        Name
}

// Locator is an identity as callers write it, not validated.
type Locator struct{ Environment, Name string }

// Locator returns the identity's texts.
func (i Identity) Locator() Locator {
	return Locator{Environment: i.Environment.String(), Name: i.Name.String()}
}

// Parse returns the identity of that locator, or ErrInvalid for every invalid field.
func (l Locator) Parse() (Identity, error) {
	name, nameErr := ParseName(l.Name)
	environment, envErr := scope.ParseEnvironment(l.Environment)
	return Identity{Environment: environment, Name: name}, fault.Merge(nameErr, envErr)
}
