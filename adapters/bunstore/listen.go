package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"
)

// feedChannel is where the sequencer says that there is more.
const feedChannel = "signalbox_feed"

// listenSilence is after how long without a word the connection is asked whether it
// is still there.
const listenSilence = 30 * time.Second

// Listen hears what other processes notify, over a connection of its own.
func (f *Feed) Listen(ctx context.Context, hear func()) (err error) {
	if f.store.dialect != postgres {
		return nil
	}
	connector, err := f.store.listenConnector(ctx)
	if err != nil {
		return translate(err, "listen to the feed", nil)
	}
	pool := bun.NewDB(sql.OpenDB(connector), pgdialect.New())
	listener := pgdriver.NewListener(pool)
	// The driver does not look at ctx while it waits for a word. It is closed once.
	hangUp := sync.OnceValue(listener.Close)
	defer context.AfterFunc(ctx, func() { _ = hangUp() })()
	defer func() { err = errors.Join(err, hangUp(), pool.Close()) }()
	if err := listener.Listen(ctx, feedChannel); err != nil {
		return translate(err, "listen to the feed", nil)
	}
	for {
		_, _, err := listener.ReceiveTimeout(ctx, listenSilence)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			hear()
		case isTimeout(err):
			if err := listener.Listen(ctx, feedChannel); err != nil {
				return translate(err, "listen to the feed", nil)
			}
		default:
			return translate(err, "listen to the feed", nil)
		}
	}
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// listenConnector returns the driver's own connector, which its listener needs: of
// the two of a preferringConnector the one that the server takes.
func (s *Store) listenConnector(ctx context.Context) (*pgdriver.Connector, error) {
	session, ok := s.connector.(sessionConnector)
	if !ok {
		return nil, errURL
	}
	switch c := session.Connector.(type) {
	case *pgdriver.Connector:
		return c, nil
	case preferringConnector:
		conn, err := c.encrypted.Connect(ctx)
		if err == nil {
			return c.encrypted, conn.Close()
		}
		if sqlState(err) != "" || meaning(err) != nil {
			return nil, err
		}
		return c.plain, nil
	}
	return nil, errURL
}
