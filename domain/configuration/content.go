package configuration

import (
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Bounds of a configuration.
const (
	MaxValueBytes       = 256 << 10
	MaxDescriptionBytes = scope.MaxDescriptionBytes
)

// Description is an optional text for humans. The zero value is none.
type Description = scope.Description

// ParseDescription returns the description of that text, as scope.ParseDescription.
func ParseDescription(text string) (Description, error) { return scope.ParseDescription(text) }

// Value is a plain value. Printing it does not reveal it.
type Value struct{ text secret.Text }

// ParseValue returns the value of that text: valid UTF-8 without NUL, at most
// 256 KiB; the empty text is a value. Another text is ErrInvalid for "value".
func ParseValue(text string) (Value, error) {
	if reason := scope.TextFault(text, MaxValueBytes, "256 KiB"); reason != "" {
		return Value{}, fault.Bad("value", reason)
	}
	return Value{text: secret.New(text)}, nil
}

// Text returns the value, redacted in prints and logs.
func (v Value) Text() secret.Text { return v.text }

// Content is a value as it is stored: plain, or sealed into a cipher's token. The zero
// value is no content, as after a deletion.
type Content struct {
	stored secret.Text
	form   form
	seal   Seal
	// of is the version that the token was stored for; 0 for a new token.
	of Version
}

// Seal says under which key a token is encrypted, and binds it to its owner. Tokens from
// before this was recorded have none.
type Seal struct {
	// Key is the fingerprint of the key.
	Key string
	// MAC is that of Owner.Binding under this key, in hex.
	MAC string
}

type form uint8

const (
	formPlain form = iota + 1
	formSealed
)

// Plain returns content that is stored as it is.
func Plain(v Value) Content { return Content{stored: v.text, form: formPlain} }

// Sealed returns content that is stored as a cipher's token.
func Sealed(token string) Content { return Content{stored: secret.New(token), form: formSealed} }

// SealedUnder is Sealed with the fingerprint of the token's key.
func SealedUnder(key, token string) Content {
	return Content{stored: secret.New(token), form: formSealed, seal: Seal{Key: key}}
}

// Bound returns sealed content with the seal that binds it to a version.
func (c Content) Bound(seal Seal, of Version) Content {
	c.seal, c.of = seal, of
	return c
}

// RehydrateContent rebuilds content from storage; only stores call it.
func RehydrateContent(stored string, encrypted bool) Content {
	if encrypted {
		return Sealed(stored)
	}
	return Content{stored: secret.New(stored), form: formPlain}
}

// RehydrateSealed rebuilds sealed content of a version from storage; only stores call it. A
// key without a MAC is dropped: it proves nothing.
func RehydrateSealed(token string, seal Seal, of Version) Content {
	c := Sealed(token)
	if seal.Key != "" && seal.MAC != "" {
		c.seal, c.of = seal, of
	}
	return c
}

// IsZero reports whether there is no content.
func (c Content) IsZero() bool { return c.form == 0 }

// Encrypted reports whether the content is a cipher's token.
func (c Content) Encrypted() bool { return c.form == formSealed }

// Stored returns what stores write: the value itself, or the token.
func (c Content) Stored() secret.Text { return c.stored }

// Seal returns the seal of the token.
func (c Content) Seal() Seal { return c.seal }

// Of returns the version that the token was bound to, 0 where it was bound to none.
func (c Content) Of() Version { return c.of }

// New reports whether the token was made by this process, and is bound to no version yet.
func (c Content) New() bool { return c.seal.Key != "" && c.seal.MAC == "" }

// same reports whether two contents are stored alike, whatever binds them to their versions.
func (c Content) same(other Content) bool { return c.stored == other.stored && c.form == other.form }

// Sealer turns plain content into sealed content.
type Sealer func(Content) (Content, error)
