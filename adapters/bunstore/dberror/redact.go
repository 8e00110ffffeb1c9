package dberror

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun/driver/pgdriver"
	"go.uber.org/zap"
)

// redacted is a driver's error whose text holds no stored value. Drivers and
// servers quote values that they cannot parse ("invalid input syntax …").
type redacted struct{ error }

// Error returns the text without quoted values.
func (r redacted) Error() string {
	state := SQLState(r.error)
	// Other errors of the server quote names of relations, constraints and roles.
	if state != "" && !strings.HasPrefix(state, "22") && state != "42601" {
		return r.error.Error()
	}
	return withoutQuotes(r.error.Error())
}

// Unwrap returns the driver's error.
func (r redacted) Unwrap() error { return r.error }

// quoted matches text between quotation marks.
//
//nolint:gochecknoglobals // compiled once, never changed
var quoted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"(\\.|[^"\\])*"`) })

func withoutQuotes(text string) string { return quoted().ReplaceAllString(text, `"[REDACTED]"`) }

// driverLog receives what the PostgreSQL driver would print to standard error.
type driverLog struct{ log atomic.Pointer[zap.Logger] }

// Printf logs a message of the driver.
func (d *driverLog) Printf(_ context.Context, format string, args ...any) {
	if log := d.log.Load(); log != nil {
		log.Warn("database driver message", zap.String("message", withoutQuotes(fmt.Sprintf(format, args...))))
	}
}

// driverMessages replaces the driver's logger, of which a process has one.
//
//nolint:gochecknoglobals // the driver's own logger is global
var driverMessages = sync.OnceValue(func() *driverLog {
	d := &driverLog{}
	pgdriver.Logger = d
	return d
})

// LogDriver sends the messages of the PostgreSQL driver to a logger; nil discards them.
func LogDriver(log *zap.Logger) { driverMessages().log.Store(log) }
