package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a Text shows wherever it is printed or encoded.
const Redacted = "[REDACTED]"

// Text is a text that shows itself to nobody: every way to print, format, encode
// or log it yields Redacted. Only Reveal returns it. Two Texts compare equal
// when their contents do. The zero value is the empty text.
type Text struct{ text string }

// New returns a Text that holds text.
func New(text string) Text { return Text{text: text} }

// Reveal returns the content. Whoever calls it answers for where it goes.
func (t Text) Reveal() string { return t.text }

// IsZero reports whether the text is empty.
func (t Text) IsZero() bool { return t.text == "" }

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
