package flagapp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestLostVersion(t *testing.T) {
	t.Parallel()

	t.Run("a version that another event made is replaced when the feed tells, in snapshots and in single reads", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		f := b.create(t, `"is_enabled":true,"description":"one"`)
		other := b.replica(t)
		require.NoError(t, other.Refresh(t.Context()))
		before := b.store.Snapshot()
		b.disable(t, f.ID)
		b.store.Restore(before)
		_, err := other.Update(t.Context(), fixture.Admin(), flagapp.Update{ID: f.ID, Change: []byte(`{"description":"two"}`)})
		require.NoError(t, err)
		require.False(t, snapshot(t, b.Service).Find("f").State().Definition.Enabled())
		stored, err := b.store.Find(t.Context(), f.ID)
		require.NoError(t, err)
		require.NoError(t, b.Apply(t.Context(), []ports.Change{{
			AggregateType: flag.AggregateType, AggregateID: int64(f.ID), AggregateVersion: 2, Revision: 2,
			EventID: stored.State().Event,
		}}))
		assert.True(t, snapshot(t, b.Service).Find("f").State().Definition.Enabled())
		read, err := b.Read(t.Context(), fixture.Reader(), flagapp.Read{Name: "f", Environment: "production"})
		require.NoError(t, err)
		text, _ := read.Description.Text()
		assert.Equal(t, "two", text)
	})
}
