package scope

import (
	"strings"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// MaxDescriptionBytes is the longest description.
const MaxDescriptionBytes = 4 << 10

// Description is an optional text for humans. The zero value is none.
type Description struct {
	text  string
	given bool
}

// ParseDescription returns the description of that text: valid UTF-8 without
// NUL, at most 4 KiB. Another text is ErrInvalid for "description".
func ParseDescription(text string) (Description, error) {
	if reason := TextFault(text, MaxDescriptionBytes, "4 KiB"); reason != "" {
		return Description{}, fault.Bad("description", reason)
	}
	return Description{text: text, given: true}, nil
}

// Text returns the text, and false where there is none.
func (d Description) Text() (string, bool) { return d.text, d.given }

// TextFault returns what is wrong with a text that must be valid UTF-8 without NUL
// and at most so many bytes, which the message calls limit; "" for nothing.
func TextFault(text string, most int, limit string) string {
	switch {
	case len(text) > most:
		return "must be at most " + limit + " long"
	case !utf8.ValidString(text):
		return "must be valid UTF-8"
	case strings.IndexByte(text, 0) >= 0:
		return "must not contain a NUL character"
	}
	return ""
}
