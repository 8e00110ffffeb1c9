package pgconnect

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// isolationParameter is the parameter of a URL that sets the isolation of every
// transaction; without it that is defaultIsolation, whatever the database's default.
const (
	isolationParameter = "default_transaction_isolation"
	defaultIsolation   = "read committed"
)

// sessionConnector sets what Signalbox relies on in every session, in one round
// trip: databases and roles may have other defaults (ALTER DATABASE … SET).
type sessionConnector struct {
	driver.Connector
	isolation string
}

// idleInTransaction is how long a transaction may wait for its client, in milliseconds.
// The locks of a process that is paused or partitioned inside a transaction, such as the
// sequencer's, stay until the database ends its session.
const idleInTransaction = 5000

// setSession is one statement. A commit without a sync (synchronous_commit=off) could
// be lost by a crash after it was acknowledged; stronger settings than on stay.
const setSession = `SELECT set_config('bytea_output', 'hex', false), set_config('DateStyle', 'ISO, MDY', false),
 set_config('IntervalStyle', 'postgres', false), set_config('TimeZone', 'UTC', false),
 set_config('default_transaction_isolation', '%s', false),
 set_config('idle_in_transaction_session_timeout', '%d', false),
 set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
  ELSE current_setting('synchronous_commit') END, false)`

// Connect returns a session with its parameters set, or no session.
func (c sessionConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.ErrUnreached, err)
	}
	session, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errURL, conn.Close())
	}
	if _, err := session.ExecContext(ctx, fmt.Sprintf(setSession, c.isolation, idleInTransaction), nil); err != nil {
		err = fmt.Errorf("%w: set the session's parameters: %w", fault.ErrUnreached, err)
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// takeIsolation removes the isolation from a URL's parameters and returns it. A
// parameter that every session sets is an error.
func takeIsolation(query url.Values) (string, error) {
	for name := range query {
		switch strings.ToLower(name) {
		case "bytea_output", "datestyle", "intervalstyle", "timezone", "synchronous_commit",
			"idle_in_transaction_session_timeout":
			return "", fmt.Errorf("read the database URL: %s is set by Signalbox; leave it out", name)
		}
	}
	isolation := query.Get(isolationParameter)
	query.Del(isolationParameter)
	if isolation == "" {
		return defaultIsolation, nil
	}
	if !slices.Contains([]string{defaultIsolation, "repeatable read", "serializable"}, isolation) {
		return "", fmt.Errorf("read the database URL: %s must be read committed, repeatable read or serializable",
			isolationParameter)
	}
	return isolation, nil
}
