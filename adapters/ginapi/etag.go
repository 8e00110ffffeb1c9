package ginapi

import (
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
)

const (
	revealedSuffix = "-revealed"
	redactedSuffix = "-redacted"
)

// versionTag is the entity tag of a version without a say in how it is shown.
func versionTag(v configuration.Version) string {
	return `"` + strconv.FormatInt(int64(v), 10) + `"`
}

// entityTag is the strong tag of a configuration as one caller sees it. The
// value of an encrypted one is shown to some and not to others, and what they
// get differs while the version is the same.
func entityTag(v configapp.View) string {
	tag := strconv.FormatInt(int64(v.Version), 10)
	if v.Content.Encrypted() {
		suffix := redactedSuffix
		if _, shown := v.Value(); shown {
			suffix = revealedSuffix
		}
		tag += suffix
	}
	return `"` + tag + `"`
}

// tag is one entity tag of a header (RFC 9110, section 8.8.3).
type tag struct {
	weak   bool
	opaque string
}

// parseTags reads the lines of an If-Match or If-None-Match: a list of tags, or
// the star alone. Ok is false for anything else, such as nothing at all.
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

// cutQuoted takes a quoted tag off the front of a list.
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

// unchanged reports whether an If-None-Match names the tag of what would be
// sent, compared weakly. One that cannot be read names nothing.
func unchanged(lines []string, current string) bool {
	if len(lines) == 1 && lines[0] == current {
		return true
	}
	tags, star, ok := parseTags(lines)
	return ok && (star || slices.ContainsFunc(tags, func(t tag) bool { return `"`+t.opaque+`"` == current }))
}

// versions returns the versions that an If-Match asks for: none for the star,
// and 0, which no configuration has, where no strong tag is one of ours.
func versions(tags []tag, star bool) []configuration.Version {
	if star {
		return nil
	}
	var expected []configuration.Version
	for _, t := range tags {
		if v, ok := versionOf(t); ok {
			expected = append(expected, v)
		}
	}
	if expected == nil {
		return []configuration.Version{0}
	}
	return expected
}

// versionOf reads a tag that entityTag or versionTag made.
func versionOf(t tag) (configuration.Version, bool) {
	digits := strings.TrimSuffix(strings.TrimSuffix(t.opaque, revealedSuffix), redactedSuffix)
	n, err := strconv.ParseInt(digits, 10, 64)
	canonical := err == nil && n > 0 && strconv.FormatInt(n, 10) == digits
	return configuration.Version(n), canonical && !t.weak
}

// Precondition is the If-Match of a write. It is exported for huma alone, which
// passes over what is not.
type Precondition struct {
	IfMatch string `header:"If-Match" doc:"ETags of which one must be the present, or *; others are 412"`
	expect  []configuration.Version
}

var _ huma.Resolver = (*Precondition)(nil)

// Resolve reads the header, and finds fault with one that is no list of tags.
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
