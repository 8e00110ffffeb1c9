package bunstore

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"runtime"
	"strconv"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"
)

// Bounds of the connections to PostgreSQL.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 15 * time.Second
	idleTime      = 5 * time.Minute
	poolParameter = "pool_max_conns"
)

// OpenPostgres returns a store over the database of a postgres://, postgresql://
// or postgresql+asyncpg:// URL. The pool has four connections a core and at
// least 16, or ?pool_max_conns=N. Connections are made when they are needed: a
// database that is away is found by the first call.
func OpenPostgres(_ context.Context, dsn string, o Options) (*Store, error) {
	connector, size, err := postgresConnector(dsn)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	pool.SetConnMaxIdleTime(idleTime)
	db := bun.NewDB(pool, pgdialect.New())
	return &Store{write: db, read: db, options: o, dialect: postgres}, nil
}

func postgresConnector(dsn string) (*pgdriver.Connector, int, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, 0, fmt.Errorf("read the database URL: %w", errURL)
	}
	u.Scheme = "postgres"
	size := max(16, 4*runtime.GOMAXPROCS(0))
	query := u.Query()
	if text := query.Get(poolParameter); text != "" {
		size, err = strconv.Atoi(text)
		if err != nil || size < 1 {
			return nil, 0, fmt.Errorf("read the database URL: %s is a number from 1, not %q", poolParameter, text)
		}
		query.Del(poolParameter)
		u.RawQuery = query.Encode()
	}
	return pgdriver.NewConnector(
		pgdriver.WithDSN(u.String()),
		pgdriver.WithApplicationName("signalbox"),
		pgdriver.WithDialTimeout(dialTimeout),
		pgdriver.WithReadTimeout(answerTimeout),
		pgdriver.WithWriteTimeout(answerTimeout),
	), size, nil
}
