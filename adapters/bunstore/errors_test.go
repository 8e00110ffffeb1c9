package bunstore_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestConnectionErrors(t *testing.T) {
	t.Parallel()

	t.Run("a connection that is refused or lost is unavailable", func(t *testing.T) {
		t.Parallel()
		for _, err := range []error{
			&net.OpError{Op: "dial", Err: errors.New("refused")}, driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF,
			context.DeadlineExceeded, net.ErrClosed,
		} {
			assert.Equal(t, fault.ErrUnavailable, dberror.Meaning(fmt.Errorf("wrapped: %w", err)), err)
		}
	})

	t.Run("a cancelled caller is no failure of the store", func(t *testing.T) {
		t.Parallel()
		assert.Nil(t, dberror.Meaning(context.Canceled))
	})

	t.Run("every method of an unreachable store is ErrUnavailable", func(t *testing.T) {
		t.Parallel()
		store := storetest.OpenPostgres(t, "postgres://nobody:canary@127.0.0.1:1/none?sslmode=disable", storetest.Options())
		ctx, configurations, keys := t.Context(), configstore.New(store), keystore.New(store)
		c := fixture.Configuration(t)
		_, findErr := configurations.Find(ctx, 1)
		_, byIdentityErr := configurations.FindByIdentity(ctx, c.Identity())
		_, listErr := configurations.List(ctx, configuration.Query{Window: scope.Window{Limit: 1}})
		_, entryErr := configurations.Entry(ctx, 1, 1)
		_, atErr := configurations.EntryAt(ctx, 1, fixture.Noon())
		_, entriesErr := configurations.Entries(ctx, 1, scope.Window{Limit: 1})
		_, keyErr := keys.Find(ctx, "AAAAAAAA")
		_, keysErr := keys.List(ctx, scope.Window{Limit: 1})
		_, migrateErr := store.Migrate(ctx)
		for _, err := range []error{
			findErr, byIdentityErr, listErr, entryErr, atErr, entriesErr, keyErr, keysErr, migrateErr,
			configurations.Save(ctx, c), fixture.Revoke(ctx, keys, "AAAAAAAA", fixture.Noon()), store.Ping(ctx), store.CheckSchema(ctx),
		} {
			require.ErrorIs(t, err, fault.ErrUnavailable)
			assert.NotContains(t, err.Error(), "canary")
		}
	})

	t.Run("a closed SQLite store is unavailable, not broken", func(t *testing.T) {
		t.Parallel()
		store := storetest.SQLite(t)
		require.NoError(t, store.Close())
		require.ErrorIs(t, configstore.New(store).Save(t.Context(), fixture.Configuration(t)), fault.ErrUnavailable)
	})

	t.Run("a file in a folder that does not exist is unavailable", func(t *testing.T) {
		t.Parallel()
		_, err := bunstore.OpenSQLite(t.Context(), t.TempDir()+"/missing/signalbox.db", storetest.Options())
		require.ErrorIs(t, err, fault.ErrUnavailable)
	})
}

func TestReadOnly(t *testing.T) {
	t.Parallel()

	t.Run("a read-only PostgreSQL is ErrReadOnly", func(t *testing.T) {
		t.Parallel()
		url := storetest.PostgresURL(t)
		require.NoError(t, storetest.OpenPostgres(t, url, storetest.Options()).ExecForTest(t.Context(),
			`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on'; END $$`))
		standby := storetest.OpenPostgres(t, url, storetest.Options())
		require.ErrorIs(t, configstore.New(standby).Save(t.Context(), fixture.Configuration(t)), fault.ErrReadOnly)
	})
}
