package configuration_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// stored returns a configuration at version 1 as a store returns it.
func stored(t *testing.T, options ...fixture.Option) *configuration.Configuration {
	t.Helper()
	c := fixture.Configuration(t, options...)
	c.MarkSaved(7, "")
	return c
}

func types(c *configuration.Configuration) []string {
	var list []string
	for _, e := range c.PendingEvents() {
		list = append(list, e.Envelope().Type)
	}
	return list
}

func TestNew(t *testing.T) {
	t.Parallel()
	c := fixture.Configuration(t, fixture.Described(t, "about"))
	assert.Equal(t, configuration.Version(1), c.Version())
	assert.False(t, c.Deleted())
	assert.Equal(t, fixture.Noon(), c.State().CreatedAt)
	require.Len(t, c.Unsaved().Entries, 1)
	entry := c.Unsaved().Entries[0]
	assert.Equal(t, scope.ActionCreate, entry.Action)
	assert.True(t, entry.Old.IsZero())
	assert.Equal(t, c.Content(), entry.New)
	assert.Equal(t, []string{configuration.EventCreated}, types(c))
	assert.Zero(t, c.Unsaved().Base)
}

func TestUpdate(t *testing.T) {
	t.Parallel()

	t.Run("a change is one version, one entry and one event", func(t *testing.T) {
		t.Parallel()
		c := stored(t)
		changed, err := c.Update(fixture.Draft(t, "new"), fixture.Stamp())
		require.NoError(t, err)
		assert.True(t, changed)
		assert.Equal(t, configuration.Version(2), c.Version())
		assert.Equal(t, configuration.Version(1), c.Unsaved().Base)
		require.Len(t, c.Unsaved().Entries, 1)
		assert.Equal(t, fixture.Plain(t, "value"), c.Unsaved().Entries[0].Old)
		assert.Equal(t, fixture.Plain(t, "new"), c.Unsaved().Entries[0].New)
		assert.Equal(t, []string{configuration.EventUpdated}, types(c))
	})

	t.Run("a change to the current state makes no version, no entry and no event", func(t *testing.T) {
		t.Parallel()
		c := stored(t)
		changed, err := c.Update(fixture.Draft(t, "value"), fixture.Stamp())
		require.NoError(t, err)
		assert.False(t, changed)
		assert.Equal(t, configuration.Version(1), c.Version())
		assert.Empty(t, c.Unsaved().Entries)
		assert.Empty(t, c.PendingEvents())
	})

	t.Run("an empty description differs from none", func(t *testing.T) {
		t.Parallel()
		c := stored(t)
		empty, err := configuration.ParseDescription("")
		require.NoError(t, err)
		changed, err := c.Update(configuration.Draft{Content: c.Content(), Description: empty}, fixture.Stamp())
		require.NoError(t, err)
		assert.True(t, changed)
	})

	t.Run("sealing the same text is a change", func(t *testing.T) {
		t.Parallel()
		c := stored(t)
		changed, err := c.Update(configuration.Draft{Content: configuration.Sealed("value")}, fixture.Stamp())
		require.NoError(t, err)
		assert.True(t, changed)
		assert.True(t, c.NeedsSealing())
	})

	t.Run("a deleted one is ErrNotFound", func(t *testing.T) {
		t.Parallel()
		c := stored(t)
		require.NoError(t, c.Delete(fixture.Stamp()))
		_, err := c.Update(fixture.Draft(t, "new"), fixture.Stamp())
		require.ErrorIs(t, err, configuration.ErrNotFound)
	})
}

func TestDeleteAndRecreate(t *testing.T) {
	t.Parallel()

	t.Run("a deletion is a version without a value", func(t *testing.T) {
		t.Parallel()
		c := stored(t)
		require.NoError(t, c.Delete(fixture.Stamp()))
		assert.True(t, c.Deleted())
		entry := c.Unsaved().Entries[0]
		assert.Equal(t, scope.ActionDelete, entry.Action)
		assert.Equal(t, fixture.Plain(t, "value"), entry.Old)
		assert.True(t, entry.New.IsZero())
		require.ErrorIs(t, c.Delete(fixture.Stamp()), configuration.ErrNotFound)
	})

	t.Run("creating again continues id and version", func(t *testing.T) {
		t.Parallel()
		c := stored(t)
		require.NoError(t, c.Delete(fixture.Stamp()))
		require.NoError(t, c.Recreate(fixture.Draft(t, "again"), fixture.Stamp()))
		assert.Equal(t, configuration.ID(7), c.ID())
		assert.Equal(t, configuration.Version(3), c.Version())
		assert.True(t, c.Unsaved().Entries[1].Old.IsZero())
	})

	t.Run("creating one that exists is ErrAlreadyExists with its id", func(t *testing.T) {
		t.Parallel()
		err := stored(t).Recreate(fixture.Draft(t, "again"), fixture.Stamp())
		require.ErrorIs(t, err, configuration.ErrAlreadyExists)
		assert.Equal(t, scope.Exists(7), err)
	})
}

func TestRollBack(t *testing.T) {
	t.Parallel()
	first := func(t *testing.T) configuration.HistoryEntry {
		t.Helper()
		return fixture.Configuration(t, fixture.Described(t, "first")).Unsaved().Entries[0]
	}

	t.Run("value, description and encryption come back as a new version", func(t *testing.T) {
		t.Parallel()
		c := stored(t, fixture.Holding(configuration.Sealed("token")))
		changed, err := c.RollBack(first(t), fixture.Stamp())
		require.NoError(t, err)
		assert.True(t, changed)
		assert.Equal(t, configuration.Version(2), c.Version())
		assert.Equal(t, first(t).New, c.Content())
		assert.Equal(t, first(t).Description, c.State().Description)
		assert.Equal(t, []string{configuration.EventRolledBack}, types(c))
		assert.Equal(t, false, c.PendingEvents()[0].Envelope().Data["revived"])
	})

	t.Run("a deleted one is restored, and the event says so", func(t *testing.T) {
		t.Parallel()
		c := stored(t)
		require.NoError(t, c.Delete(fixture.Stamp()))
		c.MarkSaved(7, "")
		_, err := c.RollBack(first(t), fixture.Stamp())
		require.NoError(t, err)
		assert.False(t, c.Deleted())
		assert.Equal(t, true, c.PendingEvents()[0].Envelope().Data["revived"])
	})

	t.Run("a rollback to the current state makes no version", func(t *testing.T) {
		t.Parallel()
		c := stored(t, fixture.Described(t, "first"))
		changed, err := c.RollBack(first(t), fixture.Stamp())
		require.NoError(t, err)
		assert.False(t, changed)
		assert.Empty(t, c.Unsaved().Entries)
	})

	t.Run("a deletion cannot be rolled back to", func(t *testing.T) {
		t.Parallel()
		_, err := stored(t).RollBack(configuration.HistoryEntry{Entry: versioned.Entry[configuration.ID]{Action: scope.ActionDelete}}, fixture.Stamp())
		require.ErrorIs(t, err, configuration.ErrVersionIsDelete)
	})
}

func TestExpect(t *testing.T) {
	t.Parallel()
	c := stored(t)
	require.NoError(t, c.Expect(scope.Precondition{}))
	require.NoError(t, c.Expect(scope.ExpectVersions(1)))
	require.NoError(t, c.Expect(scope.ExpectVersions(5, 1)))
	require.ErrorIs(t, c.Expect(scope.ExpectVersions(2)), configuration.ErrStale)
	assert.Equal(t, scope.StaleAt(1), c.Expect(scope.ExpectVersions(2)))
}

func TestAsOf(t *testing.T) {
	t.Parallel()

	t.Run("the state of that version has its version, time and author", func(t *testing.T) {
		t.Parallel()
		c := stored(t)
		entry := c.State()
		old := fixture.Configuration(t).Unsaved().Entries[0]
		_, err := c.Update(fixture.Draft(t, "new"), scope.Stamp{At: fixture.Noon().Add(time.Hour)})
		require.NoError(t, err)
		state, err := c.AsOf(old)
		require.NoError(t, err)
		assert.Equal(t, entry, state)
	})

	t.Run("as of a deletion there is nothing", func(t *testing.T) {
		t.Parallel()
		_, err := stored(t).AsOf(configuration.HistoryEntry{Entry: versioned.Entry[configuration.ID]{Action: scope.ActionDelete}})
		require.ErrorIs(t, err, configuration.ErrNotFound)
	})
}

func TestSealing(t *testing.T) {
	t.Parallel()
	seal := func(c configuration.Content) (configuration.Content, error) {
		return configuration.Sealed("sealed " + c.Stored().Reveal()), nil
	}
	encrypted := func(t *testing.T) *configuration.Configuration {
		t.Helper()
		c := stored(t)
		_, err := c.Update(configuration.Draft{Content: configuration.Sealed("token")}, fixture.Stamp())
		require.NoError(t, err)
		return c
	}

	t.Run("the unsaved entries are sealed at once", func(t *testing.T) {
		t.Parallel()
		c := encrypted(t)
		require.NoError(t, c.SealHistoryWith(seal))
		entry := c.Unsaved().Entries[0]
		assert.Equal(t, configuration.Sealed("sealed value"), entry.Old)
		assert.Equal(t, configuration.Sealed("token"), entry.New)
		assert.NotNil(t, c.Unsaved().Sealer)
		c.MarkSaved(7, "")
		assert.Nil(t, c.Unsaved().Sealer)
		assert.False(t, c.NeedsSealing())
	})

	t.Run("the error of a sealer is returned", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("no key")
		err := encrypted(t).SealHistoryWith(func(configuration.Content) (configuration.Content, error) {
			return configuration.Content{}, broken
		})
		require.ErrorIs(t, err, broken)
	})

	t.Run("what was created encrypted has nothing to seal", func(t *testing.T) {
		t.Parallel()
		assert.False(t, fixture.Configuration(t, fixture.Holding(configuration.Sealed("token"))).NeedsSealing())
	})
}

func TestAction(t *testing.T) {
	t.Parallel()
	for _, a := range scope.Actions() {
		parsed, err := scope.ParseAction(a.String())
		require.NoError(t, err)
		assert.Equal(t, a, parsed)
	}
	_, err := scope.ParseAction("unknown")
	require.Error(t, err)
}
