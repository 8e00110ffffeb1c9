package keystore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/notification"
	"github.com/signalbox-hq/signalbox/domain/access"
)

// keysChannel is the channel of keys that were created or changed.
const keysChannel = "signalbox_keys"

var _ access.KeyChanges = (*Keys)(nil)

// Listen receives the ids of keys that processes change, over a connection of its own.
func (k *Keys) Listen(ctx context.Context, changed func(id string)) error {
	return notification.Listen(ctx, k.store, keysChannel, "changes of API keys", changed)
}

// notify notifies other processes of a key when the transaction is committed.
func (k *Keys) notify(ctx context.Context, tx bun.Tx, id string) error {
	if k.store.Dialect() != bunstore.Postgres {
		return nil
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_notify(?, ?)", keysChannel, id)
	return err
}
