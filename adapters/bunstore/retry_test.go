package bunstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestRetryTx(t *testing.T) {
	t.Parallel()
	// A transaction that the database always ends with a serialization failure.
	serialize := func(tries *int) func(context.Context, bun.Tx) error {
		return func(ctx context.Context, tx bun.Tx) error {
			*tries++
			_, err := tx.ExecContext(ctx, `DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$`)
			return err
		}
	}

	t.Run("a serialization failure is retried a bounded number of times", func(t *testing.T) {
		t.Parallel()
		store, tries := storetest.Postgres(t), 0
		require.Error(t, store.Transact(t.Context(), serialize(&tries)))
		assert.Equal(t, 8, tries)
	})

	t.Run("no retry begins after the deadline", func(t *testing.T) {
		t.Parallel()
		store, tries := storetest.Postgres(t), 0
		require.NoError(t, store.Ping(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := store.Transact(ctx, func(inside context.Context, tx bun.Tx) error {
			cancel()
			return serialize(&tries)(context.WithoutCancel(inside), tx)
		})
		require.Error(t, err)
		require.NotErrorIs(t, err, fault.ErrUnavailable)
		assert.Equal(t, 1, tries)
	})
}
