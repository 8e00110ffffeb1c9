package loop

import (
	"maps"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/ports"
)

// Reporter logs when loops begin to fail and when they recover, and reports those that
// fail as conditions. It is safe for concurrent use.
type Reporter struct {
	log *zap.Logger

	mu sync.Mutex
	// failing has the Failing of each loop whose last step failed.
	failing map[string]bool
}

// NewReporter returns a reporter that logs to log.
func NewReporter(log *zap.Logger) *Reporter { return &Reporter{log: log, failing: map[string]bool{}} }

// record logs the outcome of a loop's last step if it differs from the one before.
func (r *Reporter) record(l Loop, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch failed := r.failing[l.Failing]; {
	case err != nil && !failed:
		r.log.Warn(l.Failing, fields(err)...)
		r.failing[l.Failing] = true
	case err == nil && failed:
		r.log.Info(l.Recovered)
		delete(r.failing, l.Failing)
	}
}

// Conditions returns "background_work_failing" for each loop whose last step failed.
func (r *Reporter) Conditions() []ports.Condition {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []ports.Condition
	for _, message := range slices.Sorted(maps.Keys(r.failing)) {
		list = append(list, ports.Condition{
			Name: "background_work_failing", Message: message + "; see the log for the cause",
		})
	}
	return list
}
