package trust

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Bounds of a binding.
const (
	// MaxSubjects bounds the globs of subjects, MaxClaims the bound claims, and MaxGlobs
	// the globs of each.
	MaxSubjects = 50
	MaxClaims   = 20
	MaxGlobs    = 50
	// MaxBindingBytes bounds the globs and the names of the claims together.
	MaxBindingBytes = 8 << 10
	// MinTTL and MaxTTL bound for how long the key of a login is valid.
	MinTTL = time.Minute
	MaxTTL = time.Hour
	// DefaultTTL is for how long it is where nothing is said.
	DefaultTTL = time.Hour
)

// Binding gives grants to tokens of an issuer.
type Binding struct {
	ID   string
	Name string
	// IssuerID is the issuer whose tokens it is for.
	IssuerID string
	// Subjects are globs, one of which the subject of a token has to match: "*" stands for
	// any text, also an empty one; everything else stands for itself.
	Subjects []string
	// Claims are globs by JSON pointer (RFC 6901) into the claims of a token. Each claim has
	// to be a text, number or truth value, or a list of such, one of which matches one of
	// the globs.
	Claims map[string][]string
	// Grants are what tokens that match are allowed.
	Grants []access.Grant
	// TTL is for how long the key of a login is valid, MinTTL to MaxTTL.
	TTL       time.Duration
	Created   time.Time
	CreatedBy scope.Actor
}

// Matches reports whether the binding is for a token with these claims. It does not look
// at the issuer.
func (b Binding) Matches(c Claims) bool {
	if !matchesAny(b.Subjects, c.Subject) {
		return false
	}
	for pointer, globs := range b.Claims {
		if !slices.ContainsFunc(c.texts(pointer), func(text string) bool { return matchesAny(globs, text) }) {
			return false
		}
	}
	return true
}

// check returns ErrInvalid for a binding that would trust more than its author can mean: one
// of any subject needs a claim that is bound, too.
func (b Binding) check() error {
	return fault.Merge(checkName(b.Name), b.checkSubjects(), b.checkClaims(), b.checkBytes(),
		access.CheckGrants(b.Grants), checkTTL(b.TTL))
}

func (b Binding) checkBytes() error {
	size := 0
	for _, glob := range b.Subjects {
		size += len(glob)
	}
	for pointer, globs := range b.Claims {
		size += len(pointer)
		for _, glob := range globs {
			size += len(glob)
		}
	}
	if size > MaxBindingBytes {
		return fault.Bad("claims", "must not have more than 8192 bytes together with the subjects")
	}
	return nil
}

func (b Binding) checkSubjects() error {
	if err := checkGlobs("subjects", b.Subjects, MaxSubjects); err != nil {
		return err
	}
	if slices.ContainsFunc(b.Subjects, isWide) && !b.hasNarrowClaim() {
		return fault.Bad("subjects", "must not match every subject of an issuer, unless a claim other than iss and "+
			"aud is bound, too; a glob without a letter or digit, such as *:*, counts as one that matches everything")
	}
	return nil
}

// hasNarrowClaim reports whether a claim is bound that tells tokens of the issuer apart: its own
// name and its audiences do not, they are what it is trusted with.
func (b Binding) hasNarrowClaim() bool {
	for pointer, globs := range b.Claims {
		first, _, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
		if first != "iss" && first != "aud" && !slices.ContainsFunc(globs, isWide) {
			return true
		}
	}
	return false
}

// isWide reports whether a glob matches every text, or any that has some punctuation.
func isWide(glob string) bool {
	return !strings.ContainsFunc(glob, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

func (b Binding) checkClaims() error {
	if len(b.Claims) > MaxClaims {
		return fault.Bad("claims", "must have at most 20 entries")
	}
	var all []error
	for _, pointer := range slices.Sorted(maps.Keys(b.Claims)) {
		if !isPointer(pointer) {
			return fault.Bad("claims", "must have names that are JSON pointers (RFC 6901) such as /repository")
		}
		all = append(all, checkGlobs("claims", b.Claims[pointer], MaxGlobs))
	}
	return fault.Merge(all...)
}

// isPointer reports whether a text is a JSON pointer to a claim (RFC 6901 section 3): "~" begins
// "~0" or "~1".
func isPointer(text string) bool {
	unescaped := strings.NewReplacer("~0", "", "~1", "").Replace(text)
	return len(text) <= MaxTextBytes && printable(text) && strings.HasPrefix(text, "/") && text != "/" &&
		!strings.Contains(unescaped, "~")
}

func checkGlobs(field string, globs []string, most int) error {
	if len(globs) == 0 || len(globs) > most {
		return fault.Bad(field, "must have 1 to "+strconv.Itoa(most)+" entries")
	}
	for _, glob := range globs {
		if glob == "" || len(glob) > MaxTextBytes || !printable(glob) {
			return fault.Bad(field, "must have entries of 1 to 500 bytes of printable text")
		}
	}
	return nil
}

func checkTTL(ttl time.Duration) error {
	if ttl < MinTTL || ttl > MaxTTL || ttl%time.Second != 0 {
		return fault.Bad("ttl_seconds", "must be 60 to 3600")
	}
	return nil
}

func (b Binding) equal(o Binding) bool {
	return b.IssuerID == o.IssuerID && slices.Equal(b.Subjects, o.Subjects) &&
		maps.EqualFunc(b.Claims, o.Claims, slices.Equal[[]string]) &&
		slices.EqualFunc(b.Grants, o.Grants, access.Grant.Equal) && b.TTL == o.TTL
}

func (b Binding) clone() Binding {
	b.Subjects, b.Claims = slices.Clone(b.Subjects), maps.Clone(b.Claims)
	b.Grants = access.StoredGrants(b.Grants)
	b.Created = b.Created.Truncate(time.Microsecond)
	return b
}

func matchesAny(globs []string, text string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool { return matches(glob, text) })
}

// matches reports whether a glob matches a whole text, in time proportional to the product
// of their lengths at most.
func matches(glob, text string) bool {
	parts := strings.Split(glob, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return glob == text
	}
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return true
}
