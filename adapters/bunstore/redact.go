package bunstore

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

// redacted is a driver's error whose text holds nothing of what is stored. Drivers
// and servers quote the values that they cannot read ("invalid input syntax …").
type redacted struct{ error }

// Error returns the text with quoted values left out.
func (r redacted) Error() string {
	state := sqlState(r.error)
	// Other errors of the server quote names of relations, constraints and roles.
	if state != "" && !strings.HasPrefix(state, "22") && state != "42601" {
		return r.error.Error()
	}
	return withoutQuotes(r.error.Error())
}

// Unwrap returns the driver's error.
func (r redacted) Unwrap() error { return r.error }

// quoted finds what is between quotation marks.
//
//nolint:gochecknoglobals // it is made once and never changes
var quoted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"(\\.|[^"\\])*"`) })

func withoutQuotes(text string) string { return quoted().ReplaceAllString(text, `"[REDACTED]"`) }

// driverLog passes on what the PostgreSQL driver would print to standard error.
type driverLog struct{ log atomic.Pointer[zap.Logger] }

// Printf logs a message of the driver.
func (d *driverLog) Printf(_ context.Context, format string, args ...any) {
	if log := d.log.Load(); log != nil {
		log.Warn("message of the database driver", zap.String("message", withoutQuotes(fmt.Sprintf(format, args...))))
	}
}

// driverMessages replaces the driver's logger, of which there is one in a process.
//
//nolint:gochecknoglobals // the driver's own logger is one
var driverMessages = sync.OnceValue(func() *driverLog {
	d := &driverLog{}
	pgdriver.Logger = d
	return d
})
