package feedstore

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

// feedChannel is the channel on which the sequencer notifies.
const feedChannel = "signalbox_feed"

// listenIdle is after how long without a notification the connection is probed.
const listenIdle = 30 * time.Second

// Listen receives the notifications of other processes, over a connection of its own.
func (f *Feed) Listen(ctx context.Context, notify func()) (err error) {
	if f.store.Dialect() != bunstore.Postgres {
		return nil
	}
	connector, err := f.store.ListenConnector(ctx)
	if err != nil {
		return dberror.Translate(err, "listen to the feed", nil)
	}
	pool := bun.NewDB(sql.OpenDB(connector), pgdialect.New())
	listener := pgdriver.NewListener(pool)
	// The driver does not check ctx while it waits. It is closed once.
	disconnect := sync.OnceValue(listener.Close)
	defer context.AfterFunc(ctx, func() { _ = disconnect() })()
	defer func() { err = errors.Join(err, disconnect(), pool.Close()) }()
	if err := listener.Listen(ctx, feedChannel); err != nil {
		return dberror.Translate(err, "listen to the feed", nil)
	}
	for {
		_, _, err := listener.ReceiveTimeout(ctx, listenIdle)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			notify()
		case isTimeout(err):
			if err := listener.Listen(ctx, feedChannel); err != nil {
				return dberror.Translate(err, "listen to the feed", nil)
			}
		default:
			return dberror.Translate(err, "listen to the feed", nil)
		}
	}
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
