package feedstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestIdleLeader(t *testing.T) {
	t.Parallel()
	store := storetest.Postgres(t)
	one, other := feedstore.NewLeadership(store), feedstore.NewLeadership(store)
	const term, idle = 60 * time.Millisecond, 200 * time.Millisecond
	one.ShortenForTest(term, idle)
	began := time.Now()
	may, err := one.Confirm(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, may, term)
	require.Eventually(t, func() bool {
		next, err := other.Confirm(t.Context())
		return assert.NoError(t, err) && next > 0
	}, time.Minute, time.Millisecond)
	assert.GreaterOrEqual(t, time.Since(began), idle, "no other replica is elected while the first one may act")
	_, err = one.Confirm(t.Context())
	require.Error(t, err, "its session has ended")
	may, err = one.Confirm(t.Context())
	require.NoError(t, err)
	assert.Zero(t, may)
	require.NoError(t, one.Resign(t.Context()))
	require.NoError(t, other.Resign(t.Context()))
}

func TestLeaderWithoutDatabase(t *testing.T) {
	t.Parallel()
	store := storetest.OpenPostgres(t, "postgres://nobody@127.0.0.1:1/none?sslmode=disable", storetest.Options())
	_, err := feedstore.NewLeadership(store).Confirm(t.Context())
	require.ErrorIs(t, err, fault.ErrUnavailable)
}
