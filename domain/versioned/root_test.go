package versioned_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

type id int64

// counter is an aggregate that counts.
type counter struct {
	versioned.Root[id, versioned.Entry[id]]
}

func (c *counter) change(action scope.Action) {
	entry := c.Next(action, fixture.Stamp())
	c.AddEntry(entry)
	c.Record(versioned.NewChanged(event.Envelope{AggregateType: "counter", Data: map[string]any{}}, entry, true))
}

func TestRootRecordsVersions(t *testing.T) {
	t.Parallel()

	t.Run("unsaved versions have an entry and an event each, and the base stays", func(t *testing.T) {
		t.Parallel()
		c := &counter{}
		c.change(scope.ActionCreate)
		c.change(scope.ActionRollback)
		assert.Equal(t, scope.Version(2), c.Version())
		assert.Zero(t, c.Base())
		require.Len(t, c.Entries(), 2)
		require.Len(t, c.PendingEvents(), 2)
		last := c.PendingEvents()[1].Envelope()
		assert.Equal(t, "counter.rolled_back", last.Type)
		assert.Equal(t, int64(2), last.AggregateVersion)
		assert.Equal(t, fixture.Stamp(), last.Stamp)
		assert.Equal(t, map[string]any{"revived": true}, last.Data)
	})

	t.Run("a saved aggregate has no unsaved changes, and its base is its version", func(t *testing.T) {
		t.Parallel()
		c := &counter{}
		c.change(scope.ActionCreate)
		c.MarkSaved(7, "event")
		assert.Equal(t, id(7), c.ID())
		assert.Equal(t, scope.Version(1), c.Base())
		assert.Equal(t, "event", c.Lifecycle().Event)
		assert.Empty(t, c.Entries())
		assert.Empty(t, c.PendingEvents())
		c.change(scope.ActionDelete)
		assert.True(t, c.Deleted())
		assert.Equal(t, scope.Version(1), c.Base())
		assert.Empty(t, c.Lifecycle().Event, "a version that is not saved has none")
	})

	t.Run("an expected version is compared with the current one", func(t *testing.T) {
		t.Parallel()
		c := &counter{Root: versioned.Rehydrate[id, versioned.Entry[id]](1, scope.Lifecycle{Version: 3})}
		require.NoError(t, c.Expect(scope.Precondition{}))
		require.NoError(t, c.Expect(scope.ExpectVersions(2, 3)))
		assert.Equal(t, scope.StaleAt(3), fault.Of(c.Expect(scope.ExpectVersions(2))))
	})

	t.Run("a damaged aggregate and a damaged entry are ErrDamaged", func(t *testing.T) {
		t.Parallel()
		c := &counter{Root: versioned.Rehydrate[id, versioned.Entry[id]](1, scope.Lifecycle{Version: 3, Damaged: true})}
		require.ErrorIs(t, c.Damage(), scope.ErrDamaged)
		c.ClearDamage()
		require.NoError(t, c.Damage())
		entry := versioned.Entry[id]{AggregateID: 1, Version: 2, Damaged: true}
		require.ErrorIs(t, entry.Damage(), scope.ErrDamaged)
	})
}
