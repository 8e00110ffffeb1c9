package notification

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
)

// idle is after how long without a notification the connection is probed.
const idle = 30 * time.Second

// Listen calls notify with the payload of each notification of a channel, over a connection
// of its own, until ctx ends; then it returns nil. SQLite has no notifications: nil at once.
// A lost connection is an error that says what was listened to. Notify must not block.
func Listen(ctx context.Context, s *bunstore.Store, channel, what string, notify func(payload string)) error {
	if s.Dialect() != bunstore.Postgres {
		return nil
	}
	if err := listen(ctx, s, channel, notify); ctx.Err() == nil {
		return dberror.Translate(err, "listen to "+what, nil)
	}
	return nil
}

func listen(ctx context.Context, s *bunstore.Store, channel string, notify func(payload string)) (err error) {
	connector, err := s.ListenConnector(ctx)
	if err != nil {
		return err
	}
	pool := bun.NewDB(sql.OpenDB(connector), pgdialect.New())
	listener := pgdriver.NewListener(pool)
	// The driver does not check ctx while it waits. It is closed once.
	disconnect := sync.OnceValue(listener.Close)
	defer context.AfterFunc(ctx, func() { _ = disconnect() })()
	defer func() { err = errors.Join(err, disconnect(), pool.Close()) }()
	if err := listener.Listen(ctx, channel); err != nil {
		return err
	}
	for {
		_, payload, err := listener.ReceiveTimeout(ctx, idle)
		switch {
		case err == nil:
			notify(payload)
		case ctx.Err() != nil || !isTimeout(err):
			return err
		default:
			if err := listener.Listen(ctx, channel); err != nil {
				return err
			}
		}
	}
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
