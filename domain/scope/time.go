package scope

import (
	"errors"
	"strings"
	"time"
)

// TimeRule is the rule of ParseTime, for messages.
const TimeRule = "must be a time of RFC 3339, such as 2026-01-31T12:00:00Z"

var errNoTime = errors.New(TimeRule)

// ParseTime returns the time of a text of RFC 3339, section 5.6: "T" and "Z" in either
// case, an offset or Z, and any number of decimals. A leap second (23:59:60 UTC at the end of
// a June or December, appendix D) is the second after it.
func ParseTime(text string) (time.Time, error) {
	const seconds = len("2006-01-02T15:04:")
	text = strings.ToUpper(text)
	if !isTime(text) {
		return time.Time{}, errNoTime
	}
	leap := text[seconds:seconds+2] == "60"
	if leap {
		text = text[:seconds] + "59" + text[seconds+2:]
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, errNoTime
	}
	if !leap {
		return at, nil
	}
	next := at.Add(time.Second)
	if !beginsHalfYear(next.UTC()) {
		return time.Time{}, errNoTime
	}
	return next, nil
}

// beginsHalfYear reports whether a time is in the first second of a January or July.
func beginsHalfYear(t time.Time) bool {
	month := t.Month() == time.January || t.Month() == time.July
	return month && t.Day() == 1 && t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0
}

// WithoutOffset reports whether a text is a time of RFC 3339 but for its offset, which is
// missing.
func WithoutOffset(text string) bool { return isTime(strings.ToUpper(text) + "Z") }

// isTime reports whether a text has the form of a time, in upper case. Digits are checked
// for their places and offsets for their range; the rest is for time.Parse, which also
// reads forms that are none of RFC 3339.
func isTime(text string) bool {
	const form = "dddd-dd-ddTdd:dd:dd"
	if len(text) <= len(form) || !hasForm(text[:len(form)], form) {
		return false
	}
	rest := text[len(form):]
	if rest[0] == '.' {
		digits := len(rest[1:]) - len(strings.TrimLeft(rest[1:], "0123456789"))
		if digits == 0 {
			return false
		}
		rest = rest[1+digits:]
	}
	if rest == "Z" {
		return true
	}
	return (hasForm(rest, "+dd:dd") || hasForm(rest, "-dd:dd")) && rest[1:3] <= "23" && rest[4:] <= "59"
}

// hasForm reports whether a text has the characters of a form, whose d is any digit.
func hasForm(text, form string) bool {
	if len(text) != len(form) {
		return false
	}
	for i := range len(form) {
		digit := form[i] == 'd' && '0' <= text[i] && text[i] <= '9'
		if !digit && (form[i] == 'd' || text[i] != form[i]) {
			return false
		}
	}
	return true
}
