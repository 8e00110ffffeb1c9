package targeting

import (
	"regexp"
	"regexp/syntax"
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// MaxPatternSize is how many instructions a regular expression may compile to when
// it is written. One of 1 KiB without counted repetitions fits.
const MaxPatternSize = 1_100

// pattern is a regular expression with the number of its instructions: matching takes at
// most so many steps for each byte.
type pattern struct {
	*regexp.Regexp

	size int
}

func newPattern(text string) (pattern, error) {
	compiled, err := regexp.Compile(text)
	if err != nil {
		return pattern{}, err //nolint:wrapcheck // the message is our own
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return pattern{}, err //nolint:wrapcheck // as above
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return pattern{}, err //nolint:wrapcheck // as above
	}
	return pattern{Regexp: compiled, size: len(program.Inst)}, nil
}

// CheckPatterns returns how many instructions the regular expressions of conditions have
// together, and ErrInvalid for the JSON pointers of those beyond MaxPatternSize. It is
// for what is written: a stored pattern is evaluated as it is.
func CheckPatterns(conditions []Condition) (size int, err error) {
	var faults fault.Collector
	for i := range conditions {
		c := &conditions[i]
		at := "/" + strconv.Itoa(i)
		for n, p := range c.test.patterns {
			size += p.size
			if p.size > MaxPatternSize {
				faults.Bad(at+"/values/"+strconv.Itoa(n),
					"must compile to at most 1,100 instructions; repeat less in it")
			}
		}
		inner, err := CheckPatterns(c.members)
		size += inner
		if err != nil {
			faults.Note(fault.Within(at+"/"+string(c.spec.Group), err))
		}
	}
	return size, faults.Err()
}
