package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	// The driver registers itself as "sqlite".
	_ "modernc.org/sqlite"

	"github.com/signalbox-hq/signalbox/adapters/system"
)

// What both ceilings write of the author.
const (
	actorName = "first admin"
	actorKey  = "bbbbbbbb"
)

// The three statements of a creation, in one transaction.
const (
	saveState = `INSERT INTO configurations (key, value, environment, service_name, description, is_encrypted, version,
		created_at, updated_at, updated_by, updated_by_key, is_deleted)
	VALUES (?, ?, ?, ?, ?, false, 1, ?, ?, ?, ?, false)`
	saveHistory = `INSERT INTO configuration_history (configuration_id, version, action, new_value, description,
		is_encrypted, changed_by, changed_by_key, changed_at, request_id)
	VALUES (?, 1, 'create', ?, ?, false, ?, ?, ?, ?)`
	saveEvent = `INSERT INTO outbox (event_id, event_type, aggregate_type, aggregate_id, aggregate_version, environment,
		service_name, data, actor_key, actor_name, request_id, occurred_at)
	VALUES (?, 'configuration.created', 'configuration', ?, 1, ?, ?, ?, ?, ?, ?, ?)`
)

// sqliteSaver holds the statements, prepared on the one connection.
type sqliteSaver struct {
	db                    *sql.DB
	state, history, event *sql.Stmt
	ids                   system.IDs
}

// openSQLiteLoop opens a database as the store does for its writes: one
// connection, ahead-written, waiting for the disk at every commit.
func openSQLiteLoop(ctx context.Context, url string) (saver, func(), error) {
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(url, "sqlite://")+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"+
		"&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, nil, fmt.Errorf("open the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	s := &sqliteSaver{db: db, ids: system.NewIDs()}
	var errs [3]error
	s.state, errs[0] = db.PrepareContext(ctx, saveState)
	s.history, errs[1] = db.PrepareContext(ctx, saveHistory)
	s.event, errs[2] = db.PrepareContext(ctx, saveEvent)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, nil, fmt.Errorf("prepare the statements: %w", err)
	}
	return s.save, func() { _ = db.Close() }, nil
}

// save writes one configuration in a transaction of its own.
func (s *sqliteSaver) save(ctx context.Context, n int64) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := s.insert(ctx, tx, key(n)); err != nil {
		return errors.Join(fmt.Errorf("save: %w", err), tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (s *sqliteSaver) insert(ctx context.Context, tx *sql.Tx, k string) error {
	now, request := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"), s.ids.UUID()
	made, err := tx.StmtContext(ctx, s.state).ExecContext(ctx, k, value, environment, serviceName, description,
		now, now, actorName, actorKey)
	if err != nil {
		return err
	}
	id, err := made.LastInsertId()
	if err != nil {
		return err
	}
	if _, err := tx.StmtContext(ctx, s.history).ExecContext(ctx, id, value, description,
		actorName, actorKey, now, request); err != nil {
		return err
	}
	_, err = tx.StmtContext(ctx, s.event).ExecContext(ctx, s.ids.UUID(), id, environment, serviceName, eventData(k),
		actorKey, actorName, request, now)
	return err
}

// eventData is the body of a creation's event, as the store writes it.
func eventData(k string) string {
	return `{"environment":"` + environment + `","is_encrypted":false,"key":"` + k + `","service_name":"` + serviceName + `"}`
}
