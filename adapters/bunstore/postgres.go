package bunstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/pgconnect"
)

// idleTime is how long a connection to PostgreSQL is kept that is not used.
const idleTime = 5 * time.Minute

// OpenPostgres returns a store over the database of a postgres://, postgresql://
// or postgresql+asyncpg:// URL. The pool has four connections a core and at
// least 16, or ?pool_max_conns=N. Transactions are READ COMMITTED, or what
// ?default_transaction_isolation names. Connections use TLS as ?sslmode says, with o.TLS. It
// does not connect: an unreachable database is found by the first call.
func OpenPostgres(_ context.Context, dsn string, o Options) (*Store, error) {
	dberror.LogDriver(o.Log)
	connector, size, err := pgconnect.New(dsn, o.TLS)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	pool.SetConnMaxIdleTime(idleTime)
	db := bun.NewDB(pool, pgdialect.New())
	return &Store{
		write: db, read: db, options: o, dialect: Postgres, connector: connector, damage: &damage{notify: o.Damaged},
	}, nil
}

// ListenConnector returns the driver's own connector, which its listener needs.
func (s *Store) ListenConnector(ctx context.Context) (*pgdriver.Connector, error) {
	return pgconnect.Plain(ctx, s.connector)
}
