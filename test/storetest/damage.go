package storetest

import (
	"sync"
	"testing"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
)

// DamagedRows collects the rows that a store reports as damaged.
type DamagedRows struct {
	mu   sync.Mutex
	rows []bunstore.DamagedRow
}

func (d *DamagedRows) add(r bunstore.DamagedRow) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows = append(d.rows, r)
}

// All returns the collected rows.
func (d *DamagedRows) All() []bunstore.DamagedRow {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rows
}

// Reporting returns an empty store in memory, and the rows that it will report.
func Reporting(tb testing.TB) (*bunstore.Store, *DamagedRows) {
	tb.Helper()
	d := &DamagedRows{}
	o := Options()
	o.Damaged = d.add
	return Migrated(tb, OpenSQLite(tb, bunstore.Memory, o)), d
}
