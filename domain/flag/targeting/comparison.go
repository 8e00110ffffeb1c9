package targeting

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// test is an operator with its values made ready.
type test struct {
	operator   Operator
	ignoreCase bool
	// texts are folded where case is ignored. Sets are for many values.
	texts     []string
	set       map[string]struct{}
	numbers   []number
	numberSet map[number]struct{}
	// booleans are without repetition.
	booleans []string
	patterns []pattern
	// longest bounds the strings that can be equal to one of texts.
	longest  int
	moment   time.Time
	unit     Unit
	version  semver
	prefixes []netip.Prefix
}

// scansPerUnit is how many bytes are searched in a unit of effort.
const scansPerUnit = 8

// maxAddress bounds the strings that are parsed as addresses.
const maxAddress = 64

// setFrom is the number of values from which a set finds one quicker.
const setFrom = 8

// shrinks is the least part of its bytes that a string has when it is folded: U+212A has
// three bytes, and becomes k.
const shrinks = 3

// newTest validates a condition on an attribute, and names every invalid field.
func newTest(s Spec) (test, error) {
	t := test{operator: s.Operator, ignoreCase: s.IgnoreCase, unit: s.Unit}
	var faults fault.Collector
	faults.Note(attributeFault(s.Attribute))
	if !slices.Contains(Operators(), s.Operator) {
		faults.Bad("/operator", "must be one of "+operatorNames())
		return t, faults.Err()
	}
	if s.IgnoreCase && !s.Operator.ignoresCase() {
		faults.Bad("/ignore_case", "means nothing to this operator")
	}
	faults.Note(unitFault(s))
	if least, most := s.Operator.values(); len(s.Values) < least || len(s.Values) > most {
		faults.Bad("/values", countMessage(least, most))
		return t, faults.Err()
	}
	for i, v := range s.Values {
		if message := t.add(v); message != "" {
			faults.Bad("/values/"+strconv.Itoa(i), message)
		}
	}
	t.prepare()
	return t, faults.Err()
}

// prepare makes ready what comparisons with all values need.
func (t *test) prepare() {
	t.set, t.numberSet = setOf(t.texts), setOf(t.numbers)
	for _, text := range t.texts {
		t.longest = max(t.longest, len(text))
	}
	if t.ignoreCase {
		t.longest *= shrinks
	}
}

// setOf returns the set of many values, and nil for few.
func setOf[T comparable](values []T) map[T]struct{} {
	if len(values) < setFrom {
		return nil
	}
	set := make(map[T]struct{}, len(values))
	for _, v := range values {
		set[v] = struct{}{}
	}
	return set
}

func attributeFault(attribute string) error {
	if attribute == "" || len(attribute) > MaxAttributeBytes {
		return fault.Bad("/attribute", "must be 1 to 255 bytes long")
	}
	return nil
}

func operatorNames() string {
	var names []string
	for _, o := range Operators() {
		names = append(names, string(o))
	}
	return strings.Join(names, ", ")
}

func countMessage(least, most int) string {
	switch {
	case most == 0:
		return "must be absent for this operator"
	case least == most:
		return "must contain exactly one value for this operator"
	}
	return "must contain 1 to 1000 values"
}

// add prepares one value, or returns the rule that it breaks.
func (t *test) add(v Value) string {
	switch t.operator {
	case Equals, In, Contains:
		return t.addScalar(v)
	case StartsWith, EndsWith, Matches:
		if v.Kind != Text {
			return "must be a string"
		}
		if t.operator == Matches {
			return t.addPattern(v.Text)
		}
		t.texts = append(t.texts, t.folded(v.Text))
	case Greater, GreaterOrEqual, Less, LessOrEqual:
		if v.Kind != Number {
			return "must be a number"
		}
		t.numbers = append(t.numbers, parseNumber(v.Text))
	case Before, After, SemverEqual, SemverGreater, SemverLess, InCIDR:
		return t.addParsed(v)
	case Exists:
	}
	return ""
}

func (t *test) addScalar(v Value) string {
	switch v.Kind {
	case Text:
		t.texts = append(t.texts, t.folded(v.Text))
	case Number:
		t.numbers = append(t.numbers, parseNumber(v.Text))
	case Bool:
		if !slices.Contains(t.booleans, v.Text) {
			t.booleans = append(t.booleans, v.Text)
		}
	case Absent, Null, Array, Object:
		return "must be a string, a number, true or false"
	}
	return ""
}

func (t *test) addPattern(text string) string {
	if len(text) > MaxPatternBytes {
		return "must be at most 1 KiB long"
	}
	if t.ignoreCase {
		text = "(?i)" + text
	}
	pattern, err := newPattern(text)
	if err != nil {
		return "must be a regular expression of RE2 (https://github.com/google/re2/wiki/Syntax)"
	}
	t.patterns = append(t.patterns, pattern)
	return ""
}

func (t *test) addParsed(v Value) string {
	ok := v.Kind == Text
	message := "must be a version such as 1.2.3, v1.2.3, 1.2 or 1 (Semantic Versioning 2.0.0)"
	switch t.operator { //nolint:exhaustive // add has sent the other operators elsewhere
	case Before, After:
		t.moment, ok = moment(v, t.unit)
		message = timeMessage(t.unit)
	case InCIDR:
		prefix, err := parseNetwork(v.Text)
		ok = ok && err == nil
		message = "must be a network such as 10.0.0.0/8 or 2001:db8::/32, or an address"
		t.prefixes = append(t.prefixes, prefix)
	default:
		var valid bool
		t.version, valid = parseSemver(v.Text)
		ok = ok && valid
	}
	if !ok {
		return message
	}
	return ""
}

// parseNetwork parses a network, or an address as the network of that address alone. It
// unmaps an IPv4 network that is written as IPv6, as inNetworks does with addresses.
func parseNetwork(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if address, addressErr := netip.ParseAddr(text); addressErr == nil && address.Zone() == "" {
		prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	const mapped = 96
	if address := prefix.Addr(); address.Is4In6() && prefix.Bits() >= mapped {
		prefix = netip.PrefixFrom(address.Unmap(), prefix.Bits()-mapped)
	}
	return prefix.Masked(), err
}

// moment returns the time of a value: a string of RFC 3339, or a number of the unit since
// 1970 where there is a unit.
func moment(v Value, unit Unit) (time.Time, bool) {
	switch {
	case v.Kind == Text:
		at, err := scope.ParseTime(v.Text)
		return at, err == nil
	case v.Kind == Number && unit != "":
		return unit.time(v.Text)
	}
	return time.Time{}, false
}

// folded returns the string as it is compared.
func (t *test) folded(text string) string {
	if !t.ignoreCase {
		return text
	}
	return foldCase(text)
}

// passes reports whether a value, at that position of the context, matches. One of
// another type does not. A value beyond the bounds is a failure of the context.
func (t *test) passes(in *Context, v Value, at int32) bool {
	switch t.operator {
	case Exists:
		return v.Kind != Absent
	case Equals, In:
		return (v.Kind != Number || in.fits(v)) && t.isOne(v)
	case Contains:
		if v.Kind == Array {
			return in.anyElement(at, t.isOne)
		}
	case StartsWith, EndsWith, Matches, Greater, GreaterOrEqual, Less, LessOrEqual, Before, After,
		SemverEqual, SemverGreater, SemverLess, InCIDR:
	}
	return in.fits(v) && t.passesInside(in, v)
}

// passesInside is passes for operators that search a string or parse a number.
func (t *test) passesInside(in *Context, v Value) bool {
	switch t.operator {
	case Contains:
		in.spend(len(v.Text) * len(t.texts) / scansPerUnit)
		return v.Kind == Text && t.anyText(v.Text, strings.Contains)
	case StartsWith:
		return v.Kind == Text && t.anyText(v.Text, strings.HasPrefix)
	case EndsWith:
		return v.Kind == Text && t.anyText(v.Text, strings.HasSuffix)
	case Matches:
		return v.Kind == Text && t.matches(in, v.Text)
	case Greater, GreaterOrEqual, Less, LessOrEqual:
		return v.Kind == Number && t.compares(parseNumber(v.Text).compare(t.numbers[0]))
	case Before, After:
		at, ok := moment(v, t.unit)
		return ok && t.compares(at.Compare(t.moment))
	case SemverEqual, SemverGreater, SemverLess:
		return v.Kind == Text && t.comparesVersion(v.Text)
	case InCIDR:
		return v.Kind == Text && t.inNetworks(v.Text)
	case Equals, In, Exists:
	}
	return false
}

// isOne reports whether a value is one of the condition's, type and all.
func (t *test) isOne(v Value) bool {
	switch v.Kind {
	case Text:
		if len(v.Text) > t.longest {
			return false
		}
		text := t.folded(v.Text)
		if t.set != nil {
			_, found := t.set[text]
			return found
		}
		return slices.Contains(t.texts, text)
	case Number:
		if t.numberSet != nil {
			_, found := t.numberSet[parseNumber(v.Text)]
			return found
		}
		return len(t.numbers) > 0 && slices.Contains(t.numbers, parseNumber(v.Text))
	case Bool:
		return slices.Contains(t.booleans, v.Text)
	case Absent, Null, Array, Object:
	}
	return false
}

func (t *test) anyText(text string, has func(text, part string) bool) bool {
	text = t.folded(text)
	for _, part := range t.texts {
		if has(text, part) {
			return true
		}
	}
	return false
}

func (t *test) matches(in *Context, text string) bool {
	for _, p := range t.patterns {
		if in.spend(len(text) * p.size); in.failure != Sound {
			return false
		}
		if p.MatchString(text) {
			return true
		}
	}
	return false
}

func (t *test) compares(order int) bool {
	switch t.operator {
	case Greater, After, SemverGreater:
		return order > 0
	case GreaterOrEqual:
		return order >= 0
	case Less, Before, SemverLess:
		return order < 0
	case LessOrEqual:
		return order <= 0
	case SemverEqual:
		return order == 0
	case Equals, In, StartsWith, EndsWith, Contains, Matches, InCIDR, Exists:
	}
	return false
}

func (t *test) comparesVersion(text string) bool {
	v, ok := parseSemver(text)
	return ok && t.compares(v.compare(t.version))
}

// inNetworks unmaps an IPv4 address that is written as IPv6.
func (t *test) inNetworks(text string) bool {
	if !strings.ContainsAny(text, ".:") || len(text) > maxAddress {
		return false
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return false
	}
	address = address.Unmap().WithZone("")
	for _, p := range t.prefixes {
		if p.Contains(address) {
			return true
		}
	}
	return false
}
