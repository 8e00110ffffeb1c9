package bunstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestGroupCommit(t *testing.T) {
	t.Parallel()

	t.Run("acknowledged writes are stored after a reopen, and failed ones are not", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "signalbox.db")
		store := storetest.Migrated(t, storetest.OpenSQLite(t, path, storetest.Options()))
		require.NoError(t, configstore.New(store).Save(t.Context(), fixture.Configuration(t, fixture.Key("exists"))))

		const each = 40
		all := make([]*configuration.Configuration, 2*each)
		for i := range all {
			all[i] = fixture.Configuration(t, fixture.Key("exists"))
			if i%2 == 0 {
				all[i] = fixture.Configuration(t, fixture.Key("row-"+strconv.Itoa(i)))
			}
		}
		errs := make([]error, len(all))
		var writers sync.WaitGroup
		for i, c := range all {
			writers.Go(func() { errs[i] = configstore.New(store).Save(t.Context(), c) })
		}
		writers.Wait()
		for i, err := range errs {
			if i%2 == 0 {
				require.NoError(t, err)
				continue
			}
			require.ErrorIs(t, err, configuration.ErrAlreadyExists)
		}
		require.NoError(t, store.Close())

		again := storetest.OpenSQLite(t, path, storetest.Options())
		page, err := configstore.New(again).List(t.Context(), configuration.Query{Window: scope.Window{Limit: 1000}})
		require.NoError(t, err)
		assert.Equal(t, each+1, page.Total)
		events, err := storetest.Outbox(again)(t.Context())
		require.NoError(t, err)
		assert.Len(t, events, each+1)
	})

	t.Run("a caller cancelled before its write begins writes nothing and delays no other", func(t *testing.T) {
		t.Parallel()
		store := storetest.SQLite(t)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		var writers sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			ctx := t.Context()
			if i%2 == 1 {
				ctx = gone
			}
			c := fixture.Configuration(t, fixture.Key("row-"+strconv.Itoa(i)))
			writers.Go(func() { errs[i] = configstore.New(store).Save(ctx, c) })
		}
		writers.Wait()
		for i, err := range errs {
			assert.Equal(t, i%2 == 1, errors.Is(err, context.Canceled), "writer %d: %v", i, err)
		}
		page, err := configstore.New(store).List(t.Context(), configuration.Query{Window: scope.Window{Limit: 1}})
		require.NoError(t, err)
		assert.Equal(t, 10, page.Total)
	})

	t.Run("a transaction that SQLite rolled back fails all its writes, and stores nothing", func(t *testing.T) {
		t.Parallel()
		store := storetest.SQLite(t)
		begun, goOn := make(chan struct{}), make(chan struct{})
		var writers sync.WaitGroup
		writers.Go(func() {
			assert.NoError(t, store.Transact(t.Context(), func(context.Context, bun.Tx) error {
				close(begun)
				<-goOn
				return nil
			}))
		})
		<-begun
		lost := errors.New("the disk is full")
		errs := make([]error, 3)
		for i, work := range []func() error{
			func() error {
				return configstore.New(store).Save(t.Context(), fixture.Configuration(t, fixture.Key("before")))
			},
			func() error {
				return store.Transact(t.Context(), func(ctx context.Context, tx bun.Tx) error {
					_, err := tx.ExecContext(ctx, "ROLLBACK") // as SQLite does by itself over a full disk
					return errors.Join(lost, err)
				})
			},
			func() error {
				return configstore.New(store).Save(t.Context(), fixture.Configuration(t, fixture.Key("after")))
			},
		} {
			writers.Go(func() { errs[i] = work() })
			require.Eventually(t, func() bool { return store.QueuedForTest() == i+1 }, time.Minute, time.Millisecond)
		}
		close(goOn)
		writers.Wait()
		for _, err := range errs {
			require.Error(t, err)
		}
		require.ErrorIs(t, errs[1], lost)
		page, err := configstore.New(store).List(t.Context(), configuration.Query{Window: scope.Window{Limit: 1}})
		require.NoError(t, err)
		assert.Zero(t, page.Total)
		require.NoError(t, configstore.New(store).Save(t.Context(), fixture.Configuration(t, fixture.Key("later"))))
	})

	t.Run("close is idempotent", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, storetest.SQLite(t).Close())
	})
}
