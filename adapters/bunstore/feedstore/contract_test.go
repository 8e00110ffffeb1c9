package feedstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/auditstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func fedStore(t *testing.T, open func(testing.TB) *bunstore.Store) contract.FedStore {
	t.Helper()
	store := open(t)
	return contract.FedStore{
		Feed: audited{Feed: feedstore.NewFeed(store), store: store}, Deliveries: feedstore.NewDeliveries(store), Configurations: configstore.New(store),
	}
}

// audited is a feed whose changes are in the audit log as soon as they have a revision.
type audited struct {
	*feedstore.Feed

	store *bunstore.Store
}

func (a audited) Sequence(ctx context.Context, limit int) (int, error) {
	n, err := a.Feed.Sequence(ctx, limit)
	if err != nil {
		return n, err
	}
	_, err = auditstore.New(a.store).Seal(ctx, contract.SealNothing(1<<20))
	return n, err
}

func TestFeedContract(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Feed(t, func(t *testing.T) contract.FedStore { return fedStore(t, open) }, nil)
		})
	}
}

func TestDeliveriesContract(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Deliveries(t, func(t *testing.T) contract.FedStore { return fedStore(t, open) }, nil)
		})
	}
}

func TestReplicasContract(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Replicas(t, func(t *testing.T) contract.Announced {
				store := open(t)
				return contract.Announced{Replicas: feedstore.NewReplicas(store), Age: func(ctx context.Context, d time.Duration) error {
					return storetest.Execf(ctx, store, "UPDATE replicas SET seen_at = seen_at - %d", int(d.Seconds()))
				}}
			}, nil)
		})
	}
}

func TestLeadershipContract(t *testing.T) {
	t.Parallel()
	const theFile = "the process that has SQLite's file is the leader; there is no other"
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			without := contract.Without{}
			if name != "PostgreSQL" {
				without = contract.Without{
					"there are never two leaders": theFile,
					"after a resignation another one is elected, and the former leader can be elected again": theFile,
				}
			}
			contract.Leadership(t, func(t *testing.T) contract.Rivals {
				store := open(t)
				return contract.Rivals{One: feedstore.NewLeadership(store), Other: feedstore.NewLeadership(store)}
			}, without)
		})
	}
}
