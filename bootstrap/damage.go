package bootstrap

import (
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/ports"
)

// How often what stands is looked through for rows that cannot be read, and how long
// that may take.
const (
	inspectPoll    = time.Minute
	inspectSlowest = time.Hour
	inspectTimeout = 10 * time.Minute
)

// tellDamaged logs a row that cannot be read, by its place and the rule alone.
func tellDamaged(log *zap.Logger, r bunstore.DamagedRow) {
	log.Error("damaged row skipped", zap.String("table", r.Table), zap.String("id", r.ID), zap.String("rule", r.Why))
}

// damagedRows reports the rows that are known to be damaged.
func damagedRows(store *bunstore.Store) ports.Conditions {
	return func() []ports.Condition {
		n := store.DamagedRows()
		if n == 0 {
			return nil
		}
		return []ports.Condition{{
			Name: "damaged_rows", Count: n,
			Message: "Rows in the database cannot be read; the log names them (damaged row skipped). Delete or " +
				"roll back what they belong to, or repair them: docs/operations.md, Damaged rows.",
		}}
	}
}

// keepInspecting looks for rows that cannot be read, first at once.
func keepInspecting(lc fx.Lifecycle, store *bunstore.Store, log *loopLog) {
	runLoops(lc, log, nil, loop{
		every: inspectPoll, slowest: inspectSlowest, wake: rung(), timeout: inspectTimeout, step: once(store.Inspect),
		failing: "inspection for damaged rows failed", working: "inspection for damaged rows works again",
	})
}
