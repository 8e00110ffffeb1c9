package targeting

import (
	"cmp"
	"strconv"
	"strings"
)

// number is a JSON number in a form that can be compared exactly: 0.digits × 10^point.
type number struct {
	negative bool
	// digits have no zero at either end; none is the number 0.
	digits string
	point  int
}

// farPoint represents exponents beyond an int.
const farPoint = 1 << 40

// parseNumber takes a JSON literal apart. It allocates only where the digits
// around the decimal point have to be joined.
func parseNumber(literal string) number {
	var n number
	literal, n.negative = strings.CutPrefix(literal, "-")
	mantissa, exponent := literal, 0
	if i := strings.IndexAny(literal, "eE"); i >= 0 {
		mantissa = literal[:i]
		exponent = parseExponent(literal[i+1:])
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	fraction = strings.TrimRight(fraction, "0")
	digits := whole
	if fraction != "" {
		digits = whole + fraction
	}
	trimmed := strings.TrimLeft(digits, "0")
	n.point = len(whole) - (len(digits) - len(trimmed)) + exponent
	n.digits = strings.TrimRight(trimmed, "0")
	if n.digits == "" {
		return number{}
	}
	return n
}

func parseExponent(text string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(text, "+"))
	switch {
	case err == nil && -farPoint < n && n < farPoint:
		return n
	case strings.HasPrefix(text, "-"):
		return -farPoint
	}
	return farPoint
}

// compare returns -1, 0 or +1.
func (n number) compare(m number) int {
	if n.sign() != m.sign() {
		return cmp.Compare(n.sign(), m.sign())
	}
	size := cmp.Or(cmp.Compare(n.point, m.point), strings.Compare(n.digits, m.digits))
	if n.negative {
		return -size
	}
	return size
}

func (n number) sign() int {
	switch {
	case n.digits == "":
		return 0
	case n.negative:
		return -1
	}
	return 1
}

// plainDigits bounds the integers that are written without an exponent.
const plainDigits = 40

// canonicalNumber returns the canonical form of a number: 1, 1.0 and 10e-1 are "1".
// Integers of up to 40 digits are written in full, fractions with a point if they begin
// within 40 places of it, and all others with an exponent.
func canonicalNumber(literal string) string {
	if isPlainWhole(literal) {
		return literal
	}
	n := parseNumber(literal)
	if n.digits == "" {
		return "0"
	}
	sign := ""
	if n.negative {
		sign = "-"
	}
	switch {
	case len(n.digits) <= n.point && n.point <= plainDigits:
		return sign + n.digits + strings.Repeat("0", n.point-len(n.digits))
	case 0 < n.point && n.point < len(n.digits) && n.point <= plainDigits:
		return sign + n.digits[:n.point] + "." + n.digits[n.point:]
	case -plainDigits < n.point && n.point <= 0:
		return sign + "0." + strings.Repeat("0", -n.point) + n.digits
	}
	return sign + "0." + n.digits + "e" + strconv.Itoa(n.point)
}

// isPlainWhole reports whether a literal is an integer in its canonical form.
func isPlainWhole(literal string) bool {
	digits, _ := strings.CutPrefix(literal, "-")
	if digits == "" || len(digits) > plainDigits || digits[0] == '0' && literal != "0" {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}
