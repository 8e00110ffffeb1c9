package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	// The driver registers itself as "sqlite".
	_ "modernc.org/sqlite"

	"github.com/signalbox-hq/signalbox/adapters/system"
)

// The author that both ceilings write.
const (
	actorName = "first admin"
	actorKey  = "bbbbbbbb"
)

// The four statements of a creation, in one transaction.
const (
	saveID    = `INSERT INTO configuration_ids (key, environment, service_name) VALUES (?, ?, ?)`
	saveState = `INSERT INTO configurations (id, key, value, environment, service_name, description, is_encrypted, version,
		created_at, updated_at, updated_by, updated_by_key, is_deleted)
	VALUES (?, ?, ?, ?, ?, ?, false, 1, ?, ?, ?, ?, false)`
	saveHistory = `INSERT INTO configuration_history (configuration_id, version, action, new_value, description,
		is_encrypted, changed_by, changed_by_key, changed_at, request_id)
	VALUES (?, 1, 'create', ?, ?, false, ?, ?, ?, ?)`
	saveEvent = `INSERT INTO outbox (event_id, event_type, aggregate_type, aggregate_id, aggregate_version, environment,
		service_name, data, actor_key, actor_name, request_id, occurred_at)
	VALUES (?, 'configuration.created', 'configuration', ?, 1, ?, ?, ?, ?, ?, ?, ?)`
)

// sqliteSaver has the statements, prepared on the single connection.
type sqliteSaver struct {
	mu                    sync.Mutex
	begin, commit         *sql.Stmt
	drawn, state, history *sql.Stmt
	event                 *sql.Stmt
	ids                   *system.IDs
}

// openSQLiteLoop opens a database as the store does for writes: one connection, a
// write-ahead log, and a sync at every commit.
func openSQLiteLoop(ctx context.Context, url string) (saver, func(), error) {
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(url, "sqlite://")+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)")
	if err != nil {
		return nil, nil, fmt.Errorf("open the database: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("open the database: %w", err)
	}
	s := &sqliteSaver{ids: system.NewIDs()}
	for text, at := range map[string]**sql.Stmt{
		"BEGIN IMMEDIATE": &s.begin, "COMMIT": &s.commit,
		saveID: &s.drawn, saveState: &s.state, saveHistory: &s.history, saveEvent: &s.event,
	} {
		if *at, err = conn.PrepareContext(ctx, text); err != nil { //nolint:sqlclosecheck // they end with the connection
			return nil, nil, fmt.Errorf("prepare a statement: %w", err)
		}
	}
	return s.save, func() { _ = errors.Join(conn.Close(), db.Close()) }, nil
}

// save writes one configuration in a transaction of its own. A failed one is not rolled
// back, since the process exits.
func (s *sqliteSaver) save(ctx context.Context, n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.begin.ExecContext(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := s.insert(ctx, key(n)); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	if _, err := s.commit.ExecContext(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (s *sqliteSaver) insert(ctx context.Context, k string) error {
	now, request := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"), s.ids.UUID()
	drawn, err := s.drawn.ExecContext(ctx, k, environment, serviceName)
	if err != nil {
		return err
	}
	id, err := drawn.LastInsertId()
	if err != nil {
		return err
	}
	if _, err := s.state.ExecContext(ctx, id, k, value, environment, serviceName, description,
		now, now, actorName, actorKey); err != nil {
		return err
	}
	if _, err := s.history.ExecContext(ctx, id, value, description, actorName, actorKey, now, request); err != nil {
		return err
	}
	_, err = s.event.ExecContext(ctx, s.ids.UUID(), id, environment, serviceName, eventData(k),
		actorKey, actorName, request, now)
	return err
}

// eventData returns the data of a creation's event, as the store writes them.
func eventData(k string) string {
	return `{"environment":"` + environment + `","is_encrypted":false,"key":"` + k + `","service_name":"` + serviceName + `"}`
}
