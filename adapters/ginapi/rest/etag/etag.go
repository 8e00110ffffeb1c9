package etag

import (
	"slices"
	"strconv"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// The suffixes of tags whose representations differ in what the caller may see while the
// version is the same.
const (
	RevealedSuffix = "-revealed"
	RedactedSuffix = "-redacted"
)

// OfVersion returns the strong entity tag of a version.
func OfVersion(v scope.Version) string { return OfVariant(v, "") }

// OfVariant returns the tag of one representation of a version, named by one of the
// suffixes above.
func OfVariant(v scope.Version, suffix string) string {
	return `"` + strconv.FormatInt(int64(v), 10) + suffix + `"`
}

// Tag is one entity tag of a header (RFC 9110, section 8.8.3).
type Tag struct {
	weak   bool
	opaque string
}

// Parse parses the lines of an If-Match or If-None-Match: a list of tags, or the star
// alone. Ok is false for anything else, such as an empty header.
func Parse(lines []string) (tags []Tag, star, ok bool) {
	rest := strings.Join(lines, ",")
	if strings.Trim(rest, " \t") == "*" {
		return nil, true, true
	}
	for {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			return tags, false, len(tags) > 0
		}
		var next Tag
		rest, next.weak = strings.CutPrefix(rest, "W/")
		if next.opaque, rest, ok = cutQuoted(rest); !ok {
			return nil, false, false
		}
		tags = append(tags, next)
	}
}

// cutQuoted cuts a quoted tag off the front of a list.
func cutQuoted(text string) (opaque, rest string, ok bool) {
	body, ok := strings.CutPrefix(text, `"`)
	if !ok {
		return "", "", false
	}
	opaque, rest, ok = strings.Cut(body, `"`)
	unfit := func(r rune) bool { return r <= ' ' || r == 0x7f }
	rest = strings.TrimLeft(rest, " \t")
	ok = ok && !strings.ContainsFunc(opaque, unfit) && (rest == "" || rest[0] == ',')
	return opaque, rest, ok
}

// Unchanged reports whether an If-None-Match names the tag of the response, compared
// weakly. One that cannot be parsed names nothing.
func Unchanged(lines []string, current string) bool {
	if len(lines) == 1 && lines[0] == current {
		return true
	}
	tags, star, ok := Parse(lines)
	return ok && (star || slices.ContainsFunc(tags, func(t Tag) bool { return t.names(current) }))
}

// Matches reports whether an If-Match names the tag of the response, compared strongly.
func Matches(lines []string, current string) bool {
	tags, star, ok := Parse(lines)
	return ok && (star || slices.ContainsFunc(tags, func(t Tag) bool { return !t.weak && t.names(current) }))
}

// names reports whether a tag is a tag of ours, as it was sent or with a suffix.
func (t Tag) names(current string) bool { return `"`+t.plain()+`"` == current }

// plain returns the tag without the suffix that a proxy adds to the tag of a response
// that it compresses: Apache's "-gzip" (mod_deflate, DeflateAlterETag) and those alike.
func (t Tag) plain() string {
	for _, suffix := range []string{"-gzip", ";gzip", "-br", "-zstd", "-deflate"} {
		if plain, found := strings.CutSuffix(t.opaque, suffix); found {
			return plain
		}
	}
	return t.opaque
}

// UnchangedLenient is Unchanged for clients that rewrite tags, as those of OFREP and
// proxies do: in a list, without quotes, or with the suffix that compression adds.
func UnchangedLenient(lines []string, current string) bool {
	opaque := strings.Trim(current, `"`)
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			part = strings.Trim(strings.TrimPrefix(strings.TrimSpace(part), "W/"), `"`)
			part = Tag{opaque: part}.plain()
			if part == "*" || part == opaque {
				return true
			}
		}
	}
	return false
}

// Versions returns the Versions of tags that OfVersion or OfVariant made.
func Versions(tags []Tag, weak bool) []scope.Version {
	named := make([]scope.Version, 0, len(tags))
	for _, t := range tags {
		if v, ok := versionOf(t); ok && (weak || !t.weak) {
			named = append(named, v)
		}
	}
	return named
}

func versionOf(t Tag) (scope.Version, bool) {
	digits := strings.TrimSuffix(strings.TrimSuffix(t.plain(), RevealedSuffix), RedactedSuffix)
	n, err := strconv.ParseInt(digits, 10, 64)
	canonical := err == nil && n > 0 && strconv.FormatInt(n, 10) == digits
	return scope.Version(n), canonical
}
