package main

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"

	"github.com/signalbox-hq/signalbox/adapters/system"
)

// savePostgres is the store's statement of a creation: id, state, history and event.
const savePostgres = `WITH drawn AS (
	INSERT INTO configuration_ids (key, environment, service_name) VALUES ($1, $3, $4)
	ON CONFLICT DO NOTHING RETURNING id
), state AS (
	INSERT INTO configurations (id, key, value, environment, service_name, description, is_encrypted, version,
		created_at, updated_at, updated_by, updated_by_key, is_deleted)
	SELECT id, $1, $2, $3, $4, $5, false, 1, $6, $6, $7, $8, false FROM drawn RETURNING id
), history AS (
	INSERT INTO configuration_history (configuration_id, version, action, new_value, description, is_encrypted,
		changed_by, changed_by_key, changed_at, request_id)
	SELECT id, 1, 'create', $2, $5, false, $7, $8, $6, $9 FROM state
), event AS (
	INSERT INTO outbox (event_id, event_type, aggregate_type, aggregate_id, aggregate_version, environment,
		service_name, data, actor_key, actor_name, request_id, occurred_at)
	SELECT $10, 'configuration.created', 'configuration', id, 1, $3, $4, $11, $8, $7, $9, $6 FROM state
) SELECT id FROM state`

// openPostgresLoop opens a database with the store's default number of connections.
func openPostgresLoop(_ context.Context, url string) (saver, func(), error) {
	db := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(url)))
	size := max(16, 4*runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	ids := system.NewIDs()
	save := func(ctx context.Context, n int64) error {
		k := key(n)
		var id int64
		err := db.QueryRowContext(ctx, savePostgres, k, value, environment, serviceName, description,
			time.Now().UTC(), actorName, actorKey, ids.UUID(), ids.UUID(), eventData(k)).Scan(&id)
		if err != nil {
			return fmt.Errorf("save: %w", err)
		}
		return nil
	}
	return save, func() { _ = db.Close() }, nil
}
