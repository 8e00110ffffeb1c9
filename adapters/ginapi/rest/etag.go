package rest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// The suffixes of tags whose representations differ in what the caller may see while the
// version is the same.
const (
	RevealedSuffix = "-revealed"
	RedactedSuffix = "-redacted"
)

// VersionTag returns the strong entity tag of a version.
func VersionTag(v scope.Version) string { return VariantTag(v, "") }

// VariantTag returns the tag of one representation of a version, named by one of the
// suffixes above.
func VariantTag(v scope.Version, suffix string) string {
	return `"` + strconv.FormatInt(int64(v), 10) + suffix + `"`
}

// tag is one entity tag of a header (RFC 9110, section 8.8.3).
type tag struct {
	weak   bool
	opaque string
}

// parseTags parses the lines of an If-Match or If-None-Match: a list of tags, or the star
// alone. Ok is false for anything else, such as an empty header.
func parseTags(lines []string) (tags []tag, star, ok bool) {
	rest := strings.Join(lines, ",")
	if strings.Trim(rest, " \t") == "*" {
		return nil, true, true
	}
	for {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			return tags, false, len(tags) > 0
		}
		var next tag
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
	tags, star, ok := parseTags(lines)
	return ok && (star || slices.ContainsFunc(tags, func(t tag) bool { return `"`+t.opaque+`"` == current }))
}

// UnchangedLenient is Unchanged for clients that rewrite tags, as those of OFREP and
// proxies do: in a list, without quotes, or with the suffix that compression adds.
func UnchangedLenient(lines []string, current string) bool {
	opaque := strings.Trim(current, `"`)
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			part = strings.Trim(strings.TrimPrefix(strings.TrimSpace(part), "W/"), `"`)
			part = strings.TrimSuffix(part, "-gzip")
			if part == "*" || part == opaque {
				return true
			}
		}
	}
	return false
}

// versions returns the versions that an If-Match names: none for the star, and 0, which
// nothing has, where no strong tag is the tag of a version.
func versions(tags []tag, star bool) []scope.Version {
	if star {
		return nil
	}
	var expected []scope.Version
	for _, t := range tags {
		if v, ok := versionOf(t); ok {
			expected = append(expected, v)
		}
	}
	if expected == nil {
		return []scope.Version{0}
	}
	return expected
}

// versionOf parses a tag that VersionTag or VariantTag made.
func versionOf(t tag) (scope.Version, bool) {
	digits := strings.TrimSuffix(strings.TrimSuffix(t.opaque, RevealedSuffix), RedactedSuffix)
	n, err := strconv.ParseInt(digits, 10, 64)
	canonical := err == nil && n > 0 && strconv.FormatInt(n, 10) == digits
	return scope.Version(n), canonical && !t.weak
}

// Precondition is the If-Match of a typed operation, to be embedded in its input.
type Precondition struct {
	IfMatch string `header:"If-Match" doc:"ETags of which one must be the present, or *; others are 412"`
	expect  []scope.Version
}

var _ huma.Resolver = (*Precondition)(nil)

// Expected returns the versions of which one must be the present one; nil is any.
func (p *Precondition) Expected() []scope.Version { return p.expect }

// Resolve parses the header, and rejects one that is no list of tags.
func (p *Precondition) Resolve(ctx huma.Context) []error {
	var lines []string
	ctx.EachHeader(func(name, value string) {
		if name == "If-Match" {
			lines = append(lines, value)
		}
	})
	if lines == nil {
		return nil
	}
	tags, star, ok := parseTags(lines)
	if !ok {
		return []error{&huma.ErrorDetail{Location: "header.If-Match", Message: "must be a list of quoted ETags, or *"}}
	}
	p.expect = versions(tags, star)
	return nil
}
