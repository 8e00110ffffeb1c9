package flagapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestReading(t *testing.T) {
	t.Parallel()

	t.Run("the current state, at a version and at a time", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		f := b.create(t, `"is_enabled":true`)
		b.clock.Move(time.Hour)
		b.disable(t, f.ID)
		for _, row := range []struct {
			in   flagapp.Read
			want bool
		}{
			{flagapp.Read{}, false},
			{flagapp.Read{Version: 1}, true},
			{flagapp.Read{At: fixture.Noon().Add(time.Minute)}, true},
			{flagapp.Read{At: fixture.Noon().Add(time.Hour)}, false},
		} {
			row.in.Name, row.in.Environment = "f", "production"
			found, err := b.Read(t.Context(), fixture.Reader(), row.in)
			require.NoError(t, err)
			assert.Equal(t, row.want, found.Definition.Enabled(), row.in)
		}
		for _, in := range []flagapp.Read{
			{Name: "f", Environment: "production", At: fixture.Noon().Add(-time.Hour)},
			{Name: "g", Environment: "production"},
			{Name: "f", Environment: "staging"},
		} {
			_, err := b.Read(t.Context(), fixture.Reader(), in)
			require.ErrorIs(t, err, flag.ErrNotFound)
		}
		_, err := b.Read(t.Context(), fixture.Reader(), flagapp.Read{Name: "f", Environment: "production", Version: 9})
		require.ErrorIs(t, err, flag.ErrVersionNotFound)
	})

	t.Run("explain evaluates a former version", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		f := b.create(t, `"is_enabled":true`)
		b.disable(t, f.ID)
		for version, want := range map[scope.Version]flag.Reason{0: flag.Disabled, 1: flag.Static, 2: flag.Disabled} {
			e, err := b.Explain(t.Context(), fixture.Reader(), flagapp.Explain{
				Name: "f", Environment: "production", Version: version, Context: &targeting.Context{},
			})
			require.NoError(t, err)
			assert.Equal(t, want, e.Decision.Reason)
		}
	})
}
