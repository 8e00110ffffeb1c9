package column_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

func TestTimestamp(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 12, 0, 0, 123_456_000, time.UTC)

	t.Run("a time is text of one width in UTC, and the zero time NULL", func(t *testing.T) {
		t.Parallel()
		value, err := column.Time(at.In(time.FixedZone("east", 3600))).Value()
		require.NoError(t, err)
		assert.Equal(t, "2026-11-01T12:00:00.123456Z", value)
		value, err = column.Time(time.Time{}).Value()
		require.NoError(t, err)
		assert.Nil(t, value)
	})

	t.Run("what a driver returns is scanned", func(t *testing.T) {
		t.Parallel()
		for _, source := range []any{at, "2026-11-01T12:00:00.123456Z", []byte("2026-11-01T12:00:00.123456Z")} {
			var scanned column.Timestamp
			require.NoError(t, scanned.Scan(source))
			assert.Equal(t, at, scanned.Time)
			require.NoError(t, column.CheckTimes(scanned))
		}
	})

	t.Run("a column that holds no time fails the check, not the scan", func(t *testing.T) {
		t.Parallel()
		for _, source := range []any{"yesterday", 17, []byte{0xff}} {
			var scanned column.Timestamp
			require.NoError(t, scanned.Scan(source))
			require.Error(t, column.CheckTimes(scanned))
		}
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a"} {
		assert.Equal(t, text, column.Text(column.Nullable(text)))
	}
	assert.Nil(t, column.Nullable(""))
	assert.Equal(t, "a\uFFFD", column.Printable("a\xff"))
	require.Error(t, column.CheckText("name", "a", "\xff"))
	require.NoError(t, column.CheckText("name", "a", ""))
	require.Error(t, column.CheckCounter("version", 0))
	require.NoError(t, column.CheckCounter("version", 1))
}

func TestDescription(t *testing.T) {
	t.Parallel()
	empty, err := scope.ParseDescription("")
	require.NoError(t, err)
	for _, d := range []scope.Description{{}, empty} {
		found, err := column.ParseDescription(column.Description(d))
		require.NoError(t, err)
		assert.Equal(t, d, found)
	}
}

func TestActor(t *testing.T) {
	t.Parallel()
	assert.Equal(t, scope.Actor{}, column.Actor("", "anonymous"))
	assert.Equal(t, scope.Actor{KeyID: "AAAAAAAA", Name: "ci"}, column.Actor("AAAAAAAA", "ci"))
}
