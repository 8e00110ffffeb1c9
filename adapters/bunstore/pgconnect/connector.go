package pgconnect

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"
)

// errURL replaces errors about a URL that may hold a password.
var errURL = errors.New("invalid URL")

// Bounds of the connections to PostgreSQL.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 15 * time.Second
	poolParameter = "pool_max_conns"
)

// New returns the connector of a postgres:// URL and the size of its pool. Each session has
// the parameters that Signalbox relies on. Base has the authorities and the client's certificate
// for TLS; nil is none.
func New(dsn string, base *tls.Config) (connector driver.Connector, size int, err error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, 0, fmt.Errorf("read the database URL: %w", errURL)
	}
	u.Scheme = "postgres"
	query := u.Query()
	if size, err = poolSize(query.Get(poolParameter)); err != nil {
		return nil, 0, err
	}
	query.Del(poolParameter)
	isolation, err := takeIsolation(query)
	if err != nil {
		return nil, 0, err
	}
	connector, err = securedConnector(*u, query, base)
	return sessionConnector{Connector: connector, isolation: isolation}, size, err
}

// securedConnector returns the connector of the URL's sslmode. Like libpq it uses no TLS over
// a socket.
func securedConnector(u url.URL, query url.Values, base *tls.Config) (driver.Connector, error) {
	mode := query.Get("sslmode")
	query.Del("sslmode")
	if slices.ContainsFunc([]string{"sslrootcert", "sslcert", "sslkey"}, query.Has) {
		return nil, fmt.Errorf("read the database URL: %w", errFiles)
	}
	config, err := tlsOf(mode, u.Hostname(), base)
	switch {
	case err != nil:
		return nil, err
	case strings.HasPrefix(query.Get("host"), "/"):
		return newConnector(u, query, nil)
	case mode == "", mode == "allow", mode == "prefer":
		return preferTLS(u, query, config)
	}
	connector, err := newConnector(u, query, config)
	if config == nil || err != nil {
		return connector, err
	}
	return strictConnector{connector}, nil
}

func poolSize(text string) (int, error) {
	if text == "" {
		return max(16, 4*runtime.GOMAXPROCS(0)), nil
	}
	size, err := strconv.Atoi(text)
	if err != nil || size < 1 {
		return 0, fmt.Errorf("read the database URL: %s must be an integer of at least 1, not %q", poolParameter, text)
	}
	return size, nil
}

// newConnector returns the driver's connector, without TLS where config is nil, and an error
// where the driver panics: on unknown options.
func newConnector(u url.URL, query url.Values, config *tls.Config) (connector *pgdriver.Connector, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("read the database URL: %v", reason)
		}
	}()
	u.RawQuery = query.Encode()
	return pgdriver.NewConnector(
		pgdriver.WithDSN(u.String()),
		pgdriver.WithApplicationName("signalbox"),
		pgdriver.WithDialTimeout(dialTimeout),
		pgdriver.WithReadTimeout(answerTimeout),
		pgdriver.WithWriteTimeout(answerTimeout),
		pgdriver.WithTLSConfig(config),
	), nil
}

// preferringConnector connects with TLS where the server supports it and without
// where it does not, as libpq does for sslmode=prefer, its default (PostgreSQL's
// documentation, 34.19.3 "Protection Provided in Different Modes").
type preferringConnector struct{ encrypted, plain *pgdriver.Connector }

func preferTLS(u url.URL, query url.Values, config *tls.Config) (driver.Connector, error) {
	encrypted, err := newConnector(u, query, config)
	if err != nil {
		return nil, err
	}
	plain, err := newConnector(u, query, nil)
	return preferringConnector{encrypted: encrypted, plain: plain}, err
}

// Connect retries without TLS after the server has answered that it does not support TLS.
func (c preferringConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.encrypted.Connect(ctx)
	if err == nil || !withoutTLS(err) || ctx.Err() != nil {
		return conn, err
	}
	return c.plain.Connect(ctx)
}

// Driver returns the driver.
func (c preferringConnector) Driver() driver.Driver { return c.plain.Driver() }

// Plain returns the driver's own connector of one that New returned: where TLS is preferred, of
// both the one that the server accepts.
func Plain(ctx context.Context, of driver.Connector) (*pgdriver.Connector, error) {
	session, ok := of.(sessionConnector)
	if !ok {
		return nil, errURL
	}
	switch c := session.Connector.(type) {
	case *pgdriver.Connector:
		return c, nil
	case strictConnector:
		return c.Connector, nil
	case preferringConnector:
		conn, err := c.encrypted.Connect(ctx)
		if err == nil {
			return c.encrypted, conn.Close()
		}
		if !withoutTLS(err) {
			return nil, err
		}
		return c.plain, nil
	}
	return nil, errURL
}
