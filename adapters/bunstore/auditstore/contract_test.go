package auditstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/auditstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func change(t *testing.T, store *bunstore.Store, key string) {
	t.Helper()
	require.NoError(t, configstore.New(store).Save(t.Context(), fixture.Configuration(t, fixture.Key(key))))
	_, err := feedstore.NewFeed(store).Sequence(t.Context(), 10)
	require.NoError(t, err)
}

func TestAuditTrailContract(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.AuditTrail(t, func(t *testing.T) contract.AuditStore {
				store, n := open(t), 0
				return contract.AuditStore{AuditTrail: auditstore.New(store), Change: func(t *testing.T) {
					n++
					change(t, store, fmt.Sprint("k", n))
				}}
			}, nil)
		})
	}
}

// TestLogIsAppendOnly tries to change and delete an entry.
func TestLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			contract.AuditStore{AuditTrail: auditstore.New(store)}.SealOne(t)
			require.ErrorContains(t, storetest.Execf(t.Context(), store, "UPDATE audit SET actor_key = 'x'"), "append-only")
			require.ErrorContains(t, storetest.Execf(t.Context(), store, "DELETE FROM audit"), "append-only")
		})
	}
}

// TestPurgeKeepsWhatIsNotAudited deletes changes before and after they are in the log.
func TestPurgeKeepsWhatIsNotAudited(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			feed := feedstore.NewFeed(store)
			change(t, store, "k")
			n, err := feed.Purge(t.Context(), contract.KeepNothing(), 10)
			require.NoError(t, err)
			require.Zero(t, n)
			contract.AuditStore{AuditTrail: auditstore.New(store)}.SealOne(t)
			n, err = feed.Purge(t.Context(), contract.KeepNothing(), 10)
			require.NoError(t, err)
			require.Equal(t, 1, n)
		})
	}
}
