package secret

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Redacted replaces a Text wherever it is printed or encoded.
const Redacted = "[REDACTED]"

// Text is a string that is redacted in output: printing, formatting, encoding and logging
// it yield Redacted. Only Reveal returns it. Two Texts compare equal when their contents
// do. The zero value is the empty text.
//
// It is a handle, because fmt prints unexported fields without calling their methods:
// there it finds an address. A plain pointer would do that too, but equal texts would
// differ.
type Text struct{ handle unique.Handle[string] }

// New returns a Text that holds text.
func New(text string) Text {
	if text == "" {
		return Text{}
	}
	return Text{handle: unique.Make(text)}
}

// Reveal returns the content. The caller is responsible for where it goes.
func (t Text) Reveal() string {
	if t.IsZero() {
		return ""
	}
	return t.handle.Value()
}

// IsZero reports whether the text is empty.
func (t Text) IsZero() bool { return t == Text{} }

// String returns Redacted.
func (Text) String() string { return Redacted }

// GoString returns Redacted.
func (Text) GoString() string { return Redacted }

// Format writes Redacted for every verb and flag.
func (Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// MarshalJSON returns Redacted as a JSON string.
func (Text) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalText returns Redacted.
func (Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// LogValue returns Redacted, for log/slog.
func (Text) LogValue() slog.Value { return slog.StringValue(Redacted) }
