package bootstrap

import (
	"context"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/auditstore"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// What changes the database as a whole, in the audit log.
const (
	schemaMigrated = "schema.migrated"
	epochBegan     = "feed.epoch_began"
	relayRetried   = "relay.retried"
	relaySkipped   = "relay.skipped"
)

// note records an action on the database as a whole in the audit log, after it was done.
func note(
	ctx context.Context, store *bunstore.Store, clock ports.Clock, by scope.Actor, action, resource string,
) error {
	return auditstore.New(store).Add(ctx, audit.Record{
		At: clock.Now(), Actor: by, Action: action, Outcome: audit.Done, Count: 1,
		Resource: audit.Resource{Type: "database", ID: resource},
	})
}
