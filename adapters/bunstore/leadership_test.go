package bunstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

func TestSilentLeader(t *testing.T) {
	t.Parallel()
	store := postgresStore(t)
	one, other := store.Leadership(), store.Leadership()
	const trust, silence = 60 * time.Millisecond, 200 * time.Millisecond
	one.HurryForTest(trust, silence)
	began := time.Now()
	may, err := one.Confirm(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, may, trust)
	require.Eventually(t, func() bool {
		next, err := other.Confirm(t.Context())
		return assert.NoError(t, err) && next > 0
	}, time.Minute, time.Millisecond)
	assert.GreaterOrEqual(t, time.Since(began), silence, "nobody else leads while the first one may act")
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
	store := openPostgres(t, "postgres://nobody@127.0.0.1:1/none?sslmode=disable")
	_, err := store.Leadership().Confirm(t.Context())
	require.ErrorIs(t, err, fault.ErrUnavailable)
}
