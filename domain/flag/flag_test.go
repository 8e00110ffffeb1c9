package flag_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// stored returns a flag as a store gives it back, at version 1.
func stored(tb testing.TB, members string) *flag.Flag {
	tb.Helper()
	f := flag.New(identity(tb), flag.Draft{Definition: define(tb, members)}, stamp(0))
	f.MarkSaved(7, "")
	return f
}

// eventTypes returns the types of the events that are not stored yet.
func eventTypes(f *flag.Flag) []string {
	var types []string
	for _, e := range f.PendingEvents() {
		types = append(types, e.Envelope().Type)
	}
	return types
}

func TestVersions(t *testing.T) {
	t.Parallel()

	t.Run("a new flag is version 1, with an entry and an event", func(t *testing.T) {
		t.Parallel()
		f := flag.New(identity(t), flag.Draft{Definition: define(t, `"is_enabled":true`)}, stamp(0))
		unsaved := f.Unsaved()
		require.Len(t, unsaved.Entries, 1)
		assert.Zero(t, unsaved.Base)
		assert.Nil(t, unsaved.Entries[0].Old)
		e := f.PendingEvents()[0].Envelope()
		assert.Equal(t, "flag.created", e.Type)
		assert.Equal(t, map[string]any{
			"key": "checkout", "name": "checkout", "environment": "production", "version": int64(1), "is_enabled": true,
		}, e.Data)
	})

	t.Run("an update is a version with the draft before and after", func(t *testing.T) {
		t.Parallel()
		f := stored(t, ``)
		changed, err := f.Update(change(t, `"is_enabled":true,"description":"x"`), stamp(1))
		require.NoError(t, err)
		assert.True(t, changed)
		entry := f.Unsaved().Entries[0]
		assert.False(t, entry.Old.Definition.Enabled())
		assert.True(t, entry.New.Definition.Enabled())
		assert.Equal(t, flag.ID(7), entry.AggregateID)
		assert.Equal(t, scope.Version(2), f.Version())
		assert.Equal(t, []string{"flag.updated"}, eventTypes(f))
	})

	t.Run("a change to the current state makes no version", func(t *testing.T) {
		t.Parallel()
		f := stored(t, `"rollout_percentage":25`)
		changed, err := f.Update(change(t, `"rollout_percentage":25,"is_enabled":false`), stamp(1))
		require.NoError(t, err)
		assert.False(t, changed)
		assert.Empty(t, f.Unsaved().Entries)
	})

	t.Run("a rollback restores the very same ranges and the salt", func(t *testing.T) {
		t.Parallel()
		f := stored(t, `"rollout_percentage":25`)
		before := f.State().Definition
		for i, percent := range []string{"75", "10", "50"} {
			_, err := f.Update(change(t, `"rollout_percentage":`+percent), stamp(i))
			require.NoError(t, err)
		}
		changed, err := f.RollBack(flag.HistoryEntry{New: &flag.Draft{Definition: before}}, stamp(9))
		require.NoError(t, err)
		assert.True(t, changed)
		assert.Equal(t, before.JSON(), f.State().Definition.JSON())
		again, err := f.RollBack(flag.HistoryEntry{New: &flag.Draft{Definition: before}}, stamp(9))
		require.NoError(t, err)
		assert.False(t, again)
		_, err = f.RollBack(flag.HistoryEntry{}, stamp(9))
		require.ErrorIs(t, err, flag.ErrVersionIsDelete)
	})

	t.Run("a deleted flag is not found until it is created again, with id and salt", func(t *testing.T) {
		t.Parallel()
		f := stored(t, ``)
		require.ErrorIs(t, f.Recreate(change(t, ``), stamp(1)), flag.ErrAlreadyExists)
		require.NoError(t, f.Delete(stamp(1)))
		require.ErrorIs(t, f.Delete(stamp(1)), flag.ErrNotFound)
		_, err := f.Update(change(t, `"is_enabled":true`), stamp(1))
		require.ErrorIs(t, err, flag.ErrNotFound)
		require.NoError(t, f.Recreate(change(t, `"rollout_percentage":5`), stamp(2)))
		assert.Equal(t, scope.Version(3), f.Version())
		assert.Equal(t, salt, f.State().Definition.Salt())
		assert.Nil(t, f.Unsaved().Entries[1].Old)
		assert.Equal(t, []string{"flag.deleted", "flag.created"}, eventTypes(f))
	})

	t.Run("the name of a deleted flag is free for another type, and no rollback goes back across it", func(t *testing.T) {
		t.Parallel()
		f := stored(t, ``)
		_, err := f.Update(change(t, `"is_enabled":true`), stamp(1))
		require.NoError(t, err)
		former := f.Unsaved().Entries[0]
		require.NoError(t, f.Delete(stamp(1)))
		text := change(t, `"type":"string","variants":{"a":"x"},"default":{"variant":"a"}`)
		require.NoError(t, f.Recreate(text, stamp(2)))
		assert.Equal(t, scope.Version(4), f.Version())
		assert.Equal(t, flag.String, f.State().Definition.Type())
		created := f.Unsaved().Entries[2]
		_, err = f.RollBack(former, stamp(3))
		require.ErrorIs(t, err, flag.ErrAnotherType)
		require.NoError(t, f.Delete(stamp(3)))
		_, err = f.RollBack(former, stamp(4))
		require.ErrorIs(t, err, flag.ErrAnotherType)
		_, err = f.RollBack(created, stamp(4))
		require.NoError(t, err)
		require.ErrorIs(t, f.Recreate(text, stamp(5)), flag.ErrAlreadyExists)
		_, err = f.Update(change(t, `"type":"boolean"`), stamp(5))
		require.ErrorIs(t, err, fault.ErrInvalid, "a flag that exists keeps its type")
	})

	t.Run("another version than the expected is stale", func(t *testing.T) {
		t.Parallel()
		f := stored(t, ``)
		require.NoError(t, f.Expect(scope.Precondition{}))
		require.NoError(t, f.Expect(scope.ExpectVersions(1)))
		assert.Equal(t, scope.StaleAt(1), f.Expect(scope.ExpectVersions(2)))
	})

	t.Run("the state as of an entry is that of the entry", func(t *testing.T) {
		t.Parallel()
		f := stored(t, ``)
		_, err := f.Update(change(t, `"is_enabled":true`), stamp(5))
		require.NoError(t, err)
		then, err := f.AsOf(flag.HistoryEntry{
			Entry: versioned.Entry[flag.ID]{Version: 1, Stamp: stamp(0)}, New: f.Unsaved().Entries[0].Old,
		})
		require.NoError(t, err)
		assert.False(t, then.Definition.Enabled())
		assert.Equal(t, scope.Version(1), then.Version)
		assert.Equal(t, stamp(0).At, then.UpdatedAt)
		_, err = f.AsOf(flag.HistoryEntry{})
		require.ErrorIs(t, err, flag.ErrNotFound)
	})

	t.Run("a preview leaves the flag as it is", func(t *testing.T) {
		t.Parallel()
		f := stored(t, ``)
		draft, err := f.Preview(change(t, `"is_enabled":true`))
		require.NoError(t, err)
		assert.True(t, draft.Definition.Enabled())
		assert.False(t, f.State().Definition.Enabled())
		assert.Empty(t, f.Unsaved().Entries)
	})
}

func TestMovements(t *testing.T) {
	t.Parallel()

	t.Run("of a percentage", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"is_enabled":true,"rollout_percentage":10`)
		assert.Equal(t, []flag.Movement{{Place: flag.PlaceDefault, Moves: []rollout.Move{{From: "off", To: "on", Buckets: 50_000}}}},
			d.Movements(apply(t, d, `"rollout_percentage":15`)))
		assert.Empty(t, d.Movements(apply(t, d, `"description":"x"`)))
	})

	t.Run("of turning a flag off and on", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"is_enabled":true,"rollout_percentage":10`)
		off := apply(t, d, `"is_enabled":false`)
		assert.Equal(t, []flag.Movement{{Place: flag.PlaceDefault, Moves: []rollout.Move{
			{From: "off", To: flag.NoVariant, Buckets: 900_000}, {From: "on", To: flag.NoVariant, Buckets: 100_000},
		}}}, d.Movements(off))
	})

	t.Run("of rules and shares, by the rule's id", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"is_enabled":true,"rules":[{"id":"r","variant":"on","share":{"percentage":10}},{"id":"gone","variant":"on"}]`)
		to := apply(t, d, `"rules":[{"id":"new","variant":"on"},{"id":"r","variant":"off","share":{"percentage":30}}]`)
		assert.Equal(t, []flag.Movement{
			{Place: flag.PlaceRule, Rule: "r", Moves: []rollout.Move{{From: "on", To: "off", Buckets: rollout.Buckets}}},
			{Place: flag.PlaceShare, Rule: "r", Moves: []rollout.Move{{From: "outside", To: "inside", Buckets: 200_000}}},
		}, d.Movements(to))
	})

	t.Run("of what those outside a share get", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"is_enabled":true,"rules":[{"id":"r","variant":"on","share":{"percentage":10}}]`)
		to := apply(t, d, `"rules":[{"id":"r","variant":"on","share":{"percentage":30,"outside":"variant","variant":"off"}}]`)
		assert.Equal(t, []flag.Movement{
			{Place: flag.PlaceShare, Rule: "r", Moves: []rollout.Move{{From: "outside", To: "inside", Buckets: 200_000}}},
			{Place: flag.PlaceOutside, Rule: "r", Moves: []rollout.Move{{From: flag.NoVariant, To: "off", Buckets: 700_000}}},
		}, d.Movements(to))
	})

	t.Run("with other buckets are the expectation for many keys", func(t *testing.T) {
		t.Parallel()
		d := define(t, `"is_enabled":true,"rollout_percentage":50`)
		for _, members := range []string{`"bucket_by":"company"`, `"rollout_group":"g"`} {
			assert.Equal(t, []flag.Movement{{Place: flag.PlaceDefault, Expected: true, Moves: []rollout.Move{
				{From: "off", To: "on", Buckets: 250_000}, {From: "on", To: "off", Buckets: 250_000},
			}}}, d.Movements(apply(t, d, members)))
		}
		all := define(t, `"is_enabled":true`)
		assert.Empty(t, all.Movements(apply(t, all, `"rollout_group":"g"`)))
	})

	t.Run("are exact", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(r *rapid.T) {
			weights := func(name string) string {
				a := rapid.IntRange(0, 1000).Draw(r, name+" a")
				b := rapid.IntRange(0, 1000-a).Draw(r, name+" b")
				return fmt.Sprintf(`"default":{"allocation":{"a":%d,"b":%d,"c":%d}}`, a*1000, b*1000, (1000-a-b)*1000)
			}
			d := define(t, `"is_enabled":true,"type":"string","variants":{"a":"x","b":"y","c":"z"},`+weights("first"))
			to := apply(t, d, weights("second"))
			counted := map[string]uint32{}
			before, after := allocationOf(t, d), allocationOf(t, to)
			for bucket := uint32(0); bucket < rollout.Buckets; bucket += 1000 {
				from, into := before.Locate(bucket).Variant, after.Locate(bucket).Variant
				if from != into {
					counted[from+into] += 1000
				}
			}
			sent := map[string]uint32{}
			for _, m := range d.Movements(to) {
				for _, move := range m.Moves {
					sent[move.From+move.To] += move.Buckets
				}
			}
			require.Equal(t, counted, sent)
		})
	})
}
