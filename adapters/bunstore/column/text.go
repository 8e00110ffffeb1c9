package column

import (
	"strings"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Nullable converts a string to a column: NULL for "".
func Nullable(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Text returns the text of a nullable column, "" for NULL.
func Text(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// Description returns the column of a description, NULL for none.
func Description(d scope.Description) *string {
	if text, given := d.Text(); given {
		return &text
	}
	return nil
}

// ParseDescription returns the description of a column.
func ParseDescription(text *string) (scope.Description, error) {
	if text == nil {
		return scope.Description{}, nil
	}
	return scope.ParseDescription(*text)
}

// Actor returns the actor of two columns: the zero actor without a key id.
func Actor(keyID, name string) scope.Actor {
	if keyID == "" {
		return scope.Actor{}
	}
	return scope.Actor{KeyID: keyID, Name: name}
}

// Printable returns a text with invalid UTF-8 replaced.
func Printable(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// CheckText returns the fault of texts that are not UTF-8, or nil.
func CheckText(column string, texts ...string) error {
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return fault.Bad(column, "must be valid UTF-8")
		}
	}
	return nil
}

// CheckCounter returns the fault of a counter below 1, or nil.
func CheckCounter(column string, n int64) error {
	if n < 1 {
		return fault.Bad(column, "must be an integer of at least 1")
	}
	return nil
}
