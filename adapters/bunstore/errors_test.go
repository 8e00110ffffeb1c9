package bunstore_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/harness"
)

func TestPostgresCodes(t *testing.T) {
	t.Parallel()
	rows := map[string]*fault.Error{
		"23505": bunstore.ErrTakenForTest,
		"40001": fault.ErrContended, "40P01": fault.ErrContended,
		"22001": fault.ErrInvalid, "22021": fault.ErrInvalid,
		"25006": fault.ErrReadOnly,
		"57P01": fault.ErrUnavailable, "57P03": fault.ErrUnavailable, "08006": fault.ErrUnavailable,
		"53300": fault.ErrUnavailable, "28P01": fault.ErrUnavailable, "3D000": fault.ErrUnavailable,
		"42601": nil, "23503": nil,
	}
	for code, want := range rows {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, want, bunstore.PostgresMeaningForTest(code))
		})
	}
}

func TestSQLiteCodes(t *testing.T) {
	t.Parallel()
	rows := map[int]*fault.Error{
		2067: bunstore.ErrTakenForTest, 1555: bunstore.ErrTakenForTest, // unique and primary key
		5: fault.ErrContended, 517: fault.ErrContended, 6: fault.ErrContended, // busy, its snapshot kind, locked
		8: fault.ErrReadOnly, 13: fault.ErrUnavailable, 10: fault.ErrUnavailable, 778: fault.ErrUnavailable,
		14: fault.ErrUnavailable, 18: fault.ErrInvalid,
		1: nil, 787: nil, // an error in the statement, a foreign key
	}
	for code, want := range rows {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, want, bunstore.SQLiteMeaningForTest(code))
		})
	}
}

func TestConnectionErrors(t *testing.T) {
	t.Parallel()

	t.Run("a connection that is refused or lost is unavailable", func(t *testing.T) {
		t.Parallel()
		for _, err := range []error{
			&net.OpError{Op: "dial", Err: errors.New("refused")}, driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF,
			context.DeadlineExceeded, net.ErrClosed,
		} {
			assert.Equal(t, fault.ErrUnavailable, bunstore.MeaningForTest(fmt.Errorf("wrapped: %w", err)), err)
		}
	})

	t.Run("a caller who has gone away is no fault of the store", func(t *testing.T) {
		t.Parallel()
		assert.Nil(t, bunstore.MeaningForTest(context.Canceled))
	})

	t.Run("every method of a store that is away is ErrUnavailable", func(t *testing.T) {
		t.Parallel()
		store := openPostgres(t, "postgres://nobody:canary@127.0.0.1:1/none?sslmode=disable")
		ctx, configurations, keys := t.Context(), store.Configurations(), store.Keys()
		c := fixture.Configuration(t)
		_, findErr := configurations.Find(ctx, 1)
		_, byIdentityErr := configurations.FindByIdentity(ctx, c.Identity())
		_, listErr := configurations.List(ctx, configuration.Query{Limit: 1})
		_, entryErr := configurations.Entry(ctx, 1, 1)
		_, atErr := configurations.EntryAt(ctx, 1, fixture.Noon())
		_, entriesErr := configurations.Entries(ctx, 1, 1, 0)
		_, keyErr := keys.Find(ctx, "AAAAAAAA")
		_, keysErr := keys.List(ctx)
		_, migrateErr := store.Migrate(ctx)
		for _, err := range []error{
			findErr, byIdentityErr, listErr, entryErr, atErr, entriesErr, keyErr, keysErr, migrateErr,
			configurations.Save(ctx, c), keys.Revoke(ctx, "AAAAAAAA", fixture.Noon()), store.Ping(ctx), store.CheckSchema(ctx),
		} {
			require.ErrorIs(t, err, fault.ErrUnavailable)
			assert.NotContains(t, err.Error(), "canary")
		}
	})

	t.Run("a closed SQLite store is unavailable, not broken", func(t *testing.T) {
		t.Parallel()
		store := sqliteStore(t)
		require.NoError(t, store.Close())
		require.ErrorIs(t, store.Configurations().Save(t.Context(), fixture.Configuration(t)), fault.ErrUnavailable)
	})

	t.Run("a file in a folder that does not exist is unavailable", func(t *testing.T) {
		t.Parallel()
		_, err := bunstore.OpenSQLite(t.Context(), t.TempDir()+"/missing/signalbox.db", options())
		require.ErrorIs(t, err, fault.ErrUnavailable)
	})
}

func TestReadOnly(t *testing.T) {
	t.Parallel()

	t.Run("a PostgreSQL that takes no writes is ErrReadOnly", func(t *testing.T) {
		t.Parallel()
		url := harness.Postgres(t, migrate)
		require.NoError(t, openPostgres(t, url).ExecForTest(t.Context(),
			`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on'; END $$`))
		standby := openPostgres(t, url)
		require.ErrorIs(t, standby.Configurations().Save(t.Context(), fixture.Configuration(t)), fault.ErrReadOnly)
	})
}
