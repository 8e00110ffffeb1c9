package scope_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-01-31T12:00:00Z":                   "2026-01-31T12:00:00Z",
		"2026-01-31t12:00:00z":                   "2026-01-31T12:00:00Z",
		"2026-01-31T12:00:00.123456789123+01:30": "2026-01-31T10:30:00.123456789Z",
		"2026-01-31T12:00:00-00:00":              "2026-01-31T12:00:00Z",
		"1990-12-31T23:59:60Z":                   "1991-01-01T00:00:00Z",
		"1990-12-31T15:59:60-08:00":              "1991-01-01T00:00:00Z",
		"2015-06-30T23:59:60.5Z":                 "2015-07-01T00:00:00.5Z",
		"0001-01-01T00:00:00Z":                   "0001-01-01T00:00:00Z",
	} {
		at, err := scope.ParseTime(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, at.UTC().Format(time.RFC3339Nano), text)
	}
	for _, text := range []string{
		"", "2026-01-31", "2026-01-31T12:00Z", "2026-01-31 12:00:00Z", "2026-01-31T12:00:00", "2026-01-31T1:00:00Z",
		"2026-01-31T12:00:00,5Z", "2026-01-31T12:00:00.Z", "2026-01-31T24:00:00Z", "2026-02-30T12:00:00Z",
		"2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00+01:60", "2026-01-31T12:00:00+0100", "2026-01-31T12:00:00+01",
		"2026-01-31T12:00:60Z", "2026-01-31T23:59:60Z", "2015-06-30T23:59:61Z", "2026-01-31T12:60:00Z", "+2026-01-31T12:00:00Z",
		"2026-01-31T12:00:00Zx", "2026-01-31T12:00:00UTC", "２026-01-31T12:00:00Z", "2026-1-31T12:00:00Z",
	} {
		_, err := scope.ParseTime(text)
		require.Error(t, err, text)
	}
	assert.True(t, scope.WithoutOffset("2026-01-31T12:00:00"))
	assert.True(t, scope.WithoutOffset("2026-01-31t12:00:00.5"))
	assert.False(t, scope.WithoutOffset("2026-01-31T12:00:00Z"))
	assert.False(t, scope.WithoutOffset("2026-01-31"))
}

// FuzzParseTime compares the reader with the standard library's: it reads nothing that
// the library does not, but for leap seconds and letters in lower case.
func FuzzParseTime(f *testing.F) {
	f.Add("2026-01-31T12:00:00Z")
	f.Add("2015-06-30T23:59:60+00:00")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := scope.ParseTime(text)
		if err != nil {
			return
		}
		same, err := scope.ParseTime(at.Format(time.RFC3339Nano))
		require.NoError(t, err)
		require.True(t, at.Equal(same), text)
	})
}
