package scope

import (
	"strings"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// MaxFlagNameBytes is the longest name of a flag.
const MaxFlagNameBytes = 255

// FlagNameRule says in a message what ParseFlagName accepts, but for its segments.
const FlagNameRule = "must be 1 to 255 letters, digits and . _ : / - that begin with a letter or digit"

// FlagName names a flag within its environment. The zero value is no name.
type FlagName struct{ name string }

// ParseFlagName returns the name of a flag: 1 to 255 bytes that begin with a letter or
// digit and go on with those and '.', '_', ':', '/', '-', without an empty segment, "."
// or ".." between slashes. Another text is ErrInvalid for the field "flag_name".
func ParseFlagName(name string) (FlagName, error) {
	if name == "" || !BeginsFlagName(name) {
		return FlagName{}, fault.BadText("flag_name", name, FlagNameRule)
	}
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || DotSegment(segment) {
			return FlagName{}, fault.Bad("flag_name", "must not contain an empty segment, '.' or '..' between slashes")
		}
	}
	return FlagName{name: name}, nil
}

// BeginsFlagName reports whether names can begin with text; the empty text begins all.
func BeginsFlagName(text string) bool {
	if text == "" {
		return true
	}
	if len(text) > MaxFlagNameBytes || !letterOrDigit(text[0]) {
		return false
	}
	for i := range len(text) {
		if !letterOrDigit(text[i]) && strings.IndexByte("._:/-", text[i]) < 0 {
			return false
		}
	}
	return true
}

// RehydrateFlagName returns the name as it is stored, which may break the grammar; only
// stores call it, for damaged rows.
func RehydrateFlagName(name string) FlagName { return FlagName{name: name} }

// String returns the name.
func (n FlagName) String() string { return n.name }

// IsZero reports whether n is no name.
func (n FlagName) IsZero() bool { return n.name == "" }
