package bunstore

import (
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// DamagedRow is an unreadable row: one that breaks a rule. It holds nothing of the
// row's content but its key.
type DamagedRow struct {
	// Table and ID identify the row; an ID of several columns joins them with a slash.
	Table, ID string
	// Why names the columns and the rules that they break.
	Why string
}

// RowKey identifies a row.
type RowKey struct{ Table, ID string }

// KeyOf returns the key of the row with that id.
func KeyOf(table string, id int64) RowKey { return RowKey{table, strconv.FormatInt(id, 10)} }

// damage holds the rows that were found unreadable and not repaired, deleted or
// missing since.
type damage struct {
	mu sync.Mutex
	// rows are with the inspection that found them last.
	rows       map[RowKey]int64
	inspection int64
	// notify is called once for each; nil for none.
	notify func(DamagedRow)
}

// note adds a row, and notifies of one that is new.
func (d *damage) note(key RowKey, why string) {
	d.mu.Lock()
	_, known := d.rows[key]
	if d.rows == nil {
		d.rows = map[RowKey]int64{}
	}
	d.rows[key] = d.inspection
	d.mu.Unlock()
	if !known && d.notify != nil {
		d.notify(DamagedRow{Table: key.Table, ID: key.ID, Why: why})
	}
}

// forget removes the rows that settled is true of.
func (d *damage) forget(settled func(RowKey) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key := range d.rows {
		if settled(key) {
			delete(d.rows, key)
		}
	}
}

// begin starts an inspection of a table. The function that it returns ends it, and
// removes the rows of the table that were not found again.
func (d *damage) begin(table string) (end func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inspection++
	this := d.inspection
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for key, found := range d.rows {
			if key.Table == table && found < this {
				delete(d.rows, key)
			}
		}
	}
}

// DamagedRows returns the number of rows that are known to be unreadable.
func (s *Store) DamagedRows() int64 {
	s.damage.mu.Lock()
	defer s.damage.mu.Unlock()
	return int64(len(s.damage.rows))
}

// Settle removes a row from the unreadable ones: it was written, deleted or purged.
func (s *Store) Settle(key RowKey) {
	s.damage.forget(func(k RowKey) bool { return k == key })
}

// SettleAll removes the unreadable rows that settled is true of.
func (s *Store) SettleAll(settled func(RowKey) bool) { s.damage.forget(settled) }

// damagedRowError is the error of a row that breaks a rule.
type damagedRowError struct {
	key RowKey
	why string
	// settled says that there is nothing to repair: the row's object is deleted.
	settled bool
}

func (e *damagedRowError) Error() string {
	return e.key.Table + " " + e.key.ID + " is damaged: " + e.why
}

// errUnread marks a row with a column that could not be scanned.
var errUnread = errors.New("a column has another type, or is missing")

// CheckRow returns the error of a row of which any part breaks a rule, or nil. A row
// that is settled, because its object is deleted, is not counted as damaged.
func CheckRow(key RowKey, settled bool, parts ...error) error {
	var why []string
	for _, err := range parts {
		if err != nil {
			why = append(why, ruleOf(err))
		}
	}
	if why == nil {
		return nil
	}
	return &damagedRowError{key: key, settled: settled, why: strings.Join(why, "; ")}
}

// ruleOf returns the rule that is broken, without any content: messages of faults
// never hold a value, those of libraries may.
func ruleOf(err error) string {
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
