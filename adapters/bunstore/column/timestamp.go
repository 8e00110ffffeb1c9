package column

import (
	"database/sql/driver"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Timestamp is a time as both databases store it: text of one width, in UTC.
type Timestamp struct { //nolint:recvcheck // Value is for values, Scan for pointers, by database/sql
	time.Time
	// broken says that the column holds no time.
	broken bool
}

// Time returns the column of a time.
func Time(t time.Time) Timestamp { return Timestamp{Time: t} }

const timestampFormat = "2006-01-02T15:04:05.000000Z"

// Value returns the text, or NULL for the zero time.
func (t Timestamp) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil //nolint:nilnil // NULL is the value
	}
	return t.UTC().Format(timestampFormat), nil
}

// Scan reads what either driver returns. A column that holds no time is found by
// CheckTimes: it makes its own row unreadable, not the whole read.
func (t *Timestamp) Scan(source any) error {
	*t = Timestamp{}
	switch v := source.(type) {
	case nil:
	case time.Time:
		t.Time = v.UTC()
	case string:
		t.parse(v)
	case []byte:
		t.parse(string(v))
	default:
		t.broken = true
	}
	return nil
}

func (t *Timestamp) parse(text string) {
	parsed, err := time.Parse(timestampFormat, text)
	t.Time, t.broken = parsed, err != nil
}

// CheckTimes returns the fault of columns that hold no time, or nil.
func CheckTimes(times ...Timestamp) error {
	for _, t := range times {
		if t.broken {
			return fault.Bad("time", "must be a time such as "+timestampFormat)
		}
	}
	return nil
}
