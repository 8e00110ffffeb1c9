package bunstore

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// DamagedRow is a row that breaks a rule. It holds nothing of the row's content but
// its key.
type DamagedRow struct {
	// Table and ID are where it is; the ID of a row with several keys joins them with
	// a slash.
	Table, ID string
	// Why names the columns and the rules that they break.
	Why string
}

// place is where a row is.
type place struct{ table, id string }

// damage knows the rows that could not be read and have not been mended, deleted or
// found to be gone since.
type damage struct {
	mu sync.Mutex
	// rows are with the inspection in which they were last found.
	rows       map[place]int64
	inspection int64
	// tell is told of each once; nil for nobody.
	tell func(DamagedRow)
}

// note remembers a row, and tells of one that is not known yet.
func (d *damage) note(at place, why string) {
	d.mu.Lock()
	_, known := d.rows[at]
	if d.rows == nil {
		d.rows = map[place]int64{}
	}
	d.rows[at] = d.inspection
	d.mu.Unlock()
	if !known && d.tell != nil {
		d.tell(DamagedRow{Table: at.table, ID: at.id, Why: why})
	}
}

// forget lets go of the rows that it is true of.
func (d *damage) forget(gone func(place) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for at := range d.rows {
		if gone(at) {
			delete(d.rows, at)
		}
	}
}

// begin begins an inspection of a table and returns how to end it: rows of the table
// that were not found again are let go of.
func (d *damage) begin(table string) (end func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inspection++
	this := d.inspection
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for at, found := range d.rows {
			if at.table == table && found < this {
				delete(d.rows, at)
			}
		}
	}
}

// saved lets go of a row that was written, or was found to be as it should.
func (d *damage) saved(table string, id int64) {
	d.forget(func(at place) bool { return at == place{table, strconv.FormatInt(id, 10)} })
}

// DamagedRows returns how many rows are known that cannot be read.
func (s *Store) DamagedRows() int64 {
	s.damage.mu.Lock()
	defer s.damage.mu.Unlock()
	return int64(len(s.damage.rows))
}

// damagedRowError is the error of a row that breaks a rule.
type damagedRowError struct {
	at  place
	why string
	// gone says that nobody has to act: the row is of something that is deleted.
	gone bool
}

func (e *damagedRowError) Error() string {
	return e.at.table + " " + e.at.id + " as stored breaks a rule: " + e.why
}

// errUnread marks a row whose columns could not be taken over.
var errUnread = errors.New("a column is of another type, or missing")

// damagedBy returns the error of a row of which any part is wrong, or nil.
func damagedBy(at place, gone bool, parts ...error) error {
	var why []string
	for _, err := range parts {
		if err != nil {
			why = append(why, whyOf(err))
		}
	}
	if why == nil {
		return nil
	}
	return &damagedRowError{at: at, gone: gone, why: strings.Join(why, "; ")}
}

// whyOf says what is wrong without any of the content: messages of faults never
// hold a value, those of libraries may.
func whyOf(err error) string {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return errUnread.Error()
	}
	list := make([]string, len(f.Fields()))
	for i, field := range f.Fields() {
		list[i] = strings.TrimPrefix(field.Name, "/") + " " + field.Message
	}
	if len(list) == 0 {
		return f.Code()
	}
	return strings.Join(list, "; ")
}

// numbered returns the place of a row of that id.
func numbered(table string, id int64) place { return place{table, strconv.FormatInt(id, 10)} }

// textErr returns what is wrong with texts that have no rule but to be UTF-8.
func textErr(column string, texts ...string) error {
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return fault.Bad(column, "must be valid UTF-8")
		}
	}
	return nil
}

// countErr returns what is wrong with a number that counts from 1.
func countErr(column string, n int64) error {
	if n < 1 {
		return fault.Bad(column, "must be a whole number of at least 1")
	}
	return nil
}

// timeErr returns what is wrong with times.
func timeErr(times ...timestamp) error {
	for _, t := range times {
		if t.broken {
			return fault.Bad("time", "must be a time such as "+timestampFormat)
		}
	}
	return nil
}

// shown returns a text as it can be shown to anybody.
func shown(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
