package page

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Bounds of a page.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Check returns nil for a window whose limit is 1 to MaxLimit, whose offset is 0 or more,
// and 0 behind a position, and whose position has so many values or none; else ErrInvalid
// for "limit", "offset" and "cursor".
func Check(w scope.Window, values int) error {
	var limitErr, offsetErr, cursorErr error
	if w.Limit < 1 || w.Limit > MaxLimit {
		limitErr = fault.Bad("limit", "must be between 1 and 1000")
	}
	switch {
	case w.Offset < 0:
		offsetErr = fault.Bad("offset", "must be at least 0")
	case w.Offset > 0 && len(w.After) > 0:
		offsetErr = fault.Bad("offset", "must be left out with a cursor")
	}
	if len(w.After) > 0 && (len(w.After) != values || !isText(w.After)) {
		cursorErr = errCursor
	}
	return fault.Merge(limitErr, offsetErr, cursorErr)
}

// CheckNumbered is Check for a list whose positions are one number, from 1.
func CheckNumbered(w scope.Window) error {
	if _, err := Number(w.After); err != nil {
		return fault.Merge(Check(scope.Window{Limit: w.Limit, Offset: w.Offset}, 1), err)
	}
	return Check(w, 1)
}

// Number returns the number that a position is, and 0 for the empty one; else ErrInvalid
// for "cursor".
func Number(p scope.Position) (int64, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(p[0], 10, 64)
	if len(p) != 1 || err != nil || n < 1 {
		return 0, errCursor
	}
	return n, nil
}

var errCursor = fault.Bad("cursor", "is none of this list: take the next of a page, or an empty one for the first page")

// isText reports whether every store can compare the values of a position.
func isText(p scope.Position) bool {
	for _, value := range p {
		if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			return false
		}
	}
	return true
}
