package targeting

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Unit is what a number counts that is a time: from 1970-01-01T00:00:00Z, without leap
// seconds (POSIX). The zero value is none: numbers are no times.
type Unit string

// The units.
const (
	Seconds      Unit = "seconds"
	Milliseconds Unit = "milliseconds"
)

// time returns the time of a number, which may have a fraction. Times before the year 0 and
// after 9999 are none.
func (u Unit) time(literal string) (time.Time, bool) {
	const least, most = -62167219200, 253402300800 // the years 0 and 10000, in seconds
	scale := int64(1)
	if u == Milliseconds {
		scale = 1000
	}
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
		if n < least*scale || n >= most*scale {
			return time.Time{}, false
		}
		return time.UnixMilli(n * (1000 / scale)), true
	}
	f, err := strconv.ParseFloat(literal, 64)
	f /= float64(scale)
	if err != nil || f < least || f >= most {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(math.Round(fraction*1e6))*1e3), true
}

// unitFault returns what is wrong with the unit of a condition.
func unitFault(s Spec) error {
	switch {
	case s.Unit == "":
		return nil
	case s.Operator != Before && s.Operator != After:
		return fault.Bad("/unit", "means something to before and after only")
	case s.Unit != Seconds && s.Unit != Milliseconds:
		return fault.Bad("/unit", "must be seconds or milliseconds")
	}
	return nil
}

// timeMessage is the rule of a time in a condition.
func timeMessage(u Unit) string {
	if u == "" {
		return scope.TimeRule
	}
	return scope.TimeRule + ", or a number of " + string(u) + " since 1970"
}

// timeNote says why a value is no time where that is easily overlooked.
func timeNote(s Spec, v Value) string {
	if s.Operator != Before && s.Operator != After {
		return ""
	}
	switch {
	case v.Kind == Text && scope.WithoutOffset(v.Text):
		return "the time has no offset; add Z or one such as +01:00"
	case v.Kind == Number && s.Unit == "":
		return "a number is a time only where the condition has a unit"
	case v.Kind == Text && strings.Trim(v.Text, "0123456789") == "" && v.Text != "":
		return "a number in quotes is no time"
	}
	return ""
}
