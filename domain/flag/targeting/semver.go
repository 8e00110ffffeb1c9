package targeting

import (
	"cmp"
	"strings"
)

// semver is a version of Semantic Versioning 2.0.0 without its build metadata,
// which has no say in precedence.
type semver struct {
	core       [3]string
	prerelease string
}

// parseSemver reads a version, such as 1.2.3-rc.1+build. A "v" before it is left out, and
// missing parts are completed by zeros: v2 and 2.0 are 2.0.0.
func parseSemver(text string) (semver, bool) {
	var v semver
	if text != "" && (text[0] == 'v' || text[0] == 'V') {
		text = text[1:]
	}
	text, build, hasBuild := strings.Cut(text, "+")
	if hasBuild && !identifiers(build, false) {
		return v, false
	}
	core, prerelease, hasPrerelease := strings.Cut(text, "-")
	if hasPrerelease && !identifiers(prerelease, true) {
		return v, false
	}
	v.prerelease = prerelease
	more := true
	for i := range v.core {
		if v.core[i] = "0"; !more {
			continue
		}
		if v.core[i], core, more = strings.Cut(core, "."); !numeric(v.core[i]) {
			return v, false
		}
	}
	return v, !more
}

// numeric reports whether text is a number without a leading zero.
func numeric(text string) bool { return allDigits(text) && (text[0] != '0' || text == "0") }

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// identifiers reports whether text is identifiers separated by dots; numeric ones of a
// prerelease have no leading zero.
func identifiers(text string, prerelease bool) bool {
	for part := range strings.SplitSeq(text, ".") {
		strange := strings.ContainsFunc(part, func(r rune) bool {
			return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-'
		})
		if part == "" || strange || prerelease && allDigits(part) && !numeric(part) {
			return false
		}
	}
	return true
}

// compare returns -1, 0 or +1 by the precedence of section 11.
func (v semver) compare(w semver) int {
	for i := range v.core {
		if c := compareDigits(v.core[i], w.core[i]); c != 0 {
			return c
		}
	}
	if v.prerelease == "" || w.prerelease == "" {
		return cmp.Compare(len(w.prerelease), len(v.prerelease))
	}
	return comparePrereleases(v.prerelease, w.prerelease)
}

func comparePrereleases(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if c := compareIdentifiers(x, y); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// compareIdentifiers orders numbers below other identifiers.
func compareIdentifiers(x, y string) int {
	switch xn, yn := allDigits(x), allDigits(y); {
	case xn && yn:
		return compareDigits(x, y)
	case xn:
		return -1
	case yn:
		return 1
	}
	return strings.Compare(x, y)
}

// compareDigits compares numbers of any length without a leading zero.
func compareDigits(x, y string) int {
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y))
}
