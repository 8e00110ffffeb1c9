package bunstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// The driver fails a complete read for a time that it cannot parse, so that PostgreSQL
// must not store one.
func TestUnreadableTimesAreRejected(t *testing.T) {
	t.Parallel()
	store := storetest.Postgres(t)
	require.NoError(t, configstore.New(store).Save(t.Context(), fixture.Configuration(t)))
	for _, text := range []string{"infinity", "-infinity", "0044-03-15 12:00:00+00 BC", "10000-01-01 00:00:00+00"} {
		err := store.ExecForTest(t.Context(), fmt.Sprintf("UPDATE configurations SET updated_at = '%s'", text))
		require.ErrorContains(t, err, "configurations_finite_times", text)
	}
	columns, err := store.UncheckedTimesForTest(t.Context())
	require.NoError(t, err)
	assert.Empty(t, columns, "every column of times has the constraint of its table")
}
