package flag_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// line is the expected state after a change; a deletion has no definition.
type line struct {
	action     scope.Action
	definition string
}

// TestTheHistoryOfAnyLife runs random changes against the aggregate and compares its
// versions, entries and events with a model.
func TestTheHistoryOfAnyLife(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		f := flag.New(identity(t), flag.Draft{Definition: define(t, ``)}, stamp(0))
		paper := []line{{scope.ActionCreate, define(t, ``).JSON()}}
		last := func() line { return paper[len(paper)-1] }
		deleted := func() bool { return last().action == scope.ActionDelete }
		standing := func() string { return f.State().Definition.JSON() }
		members := func(r *rapid.T) string {
			return `"rollout_percentage":` + rapid.SampledFrom([]string{"0", "10", "50.5", "100"}).Draw(r, "percentage")
		}
		write := func(action scope.Action, changed bool) {
			if changed {
				paper = append(paper, line{action, standing()})
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"update": func(r *rapid.T) {
				before := standing()
				changed, err := f.Update(change(t, members(r)), stamp(1))
				if deleted() {
					require.ErrorIs(t, err, flag.ErrNotFound)
					return
				}
				require.NoError(t, err)
				require.Equal(t, before != standing(), changed)
				write(scope.ActionUpdate, changed)
			},
			"delete": func(*rapid.T) {
				err := f.Delete(stamp(2))
				if deleted() {
					require.ErrorIs(t, err, flag.ErrNotFound)
					return
				}
				require.NoError(t, err)
				paper = append(paper, line{action: scope.ActionDelete})
			},
			"recreate": func(r *rapid.T) {
				err := f.Recreate(change(t, members(r)), stamp(3))
				if !deleted() {
					require.ErrorIs(t, err, flag.ErrAlreadyExists)
					return
				}
				require.NoError(t, err)
				write(scope.ActionCreate, true)
			},
			"roll back": func(r *rapid.T) {
				n := rapid.IntRange(0, len(paper)-1).Draw(r, "version")
				same := !deleted() && last().definition == paper[n].definition
				changed, err := f.RollBack(f.Unsaved().Entries[n], stamp(4))
				if paper[n].action == scope.ActionDelete {
					require.ErrorIs(t, err, flag.ErrVersionIsDelete)
					return
				}
				require.NoError(t, err)
				require.Equal(t, !same, changed)
				require.Equal(t, paper[n].definition, standing())
				write(scope.ActionRollback, changed)
			},
			"": func(*rapid.T) { compare(t, f, paper) },
		})
	})
}

func compare(t *testing.T, f *flag.Flag, paper []line) {
	t.Helper()
	entries, events := f.Unsaved().Entries, f.PendingEvents()
	require.Len(t, entries, len(paper))
	require.Len(t, events, len(paper))
	require.Equal(t, scope.Version(len(paper)), f.Version())
	require.Equal(t, salt, f.State().Definition.Salt())
	for i, l := range paper {
		e, sent := entries[i], events[i].Envelope()
		require.Equal(t, scope.Version(i+1), e.Version)
		require.Equal(t, l.action, e.Action)
		require.Equal(t, "flag."+l.action.PastTense(), sent.Type)
		require.Equal(t, int64(i+1), sent.AggregateVersion)
		require.Equal(t, "production", sent.Environment)
		require.Equal(t, l.definition, draftJSON(e.New))
		before := ""
		if i > 0 {
			before = paper[i-1].definition
		}
		require.Equal(t, before, draftJSON(e.Old))
	}
}

func draftJSON(d *flag.Draft) string {
	if d == nil {
		return ""
	}
	return d.Definition.JSON()
}

func TestEventsSayWhatHappened(t *testing.T) {
	t.Parallel()
	f := stored(t, `"is_enabled":true`)
	before := f.State().Draft
	_, err := f.Update(change(t, `"rollout_percentage":5`), stamp(1))
	require.NoError(t, err)
	_, err = f.RollBack(flag.HistoryEntry{New: &before}, stamp(2))
	require.NoError(t, err)
	require.NoError(t, f.Delete(stamp(3)))
	_, err = f.RollBack(flag.HistoryEntry{New: &before}, stamp(4))
	require.NoError(t, err)
	assert.Equal(t, []string{"flag.updated", "flag.rolled_back", "flag.deleted", "flag.rolled_back"}, eventTypes(f))
	for i, enabled := range []bool{true, true, false, true} {
		e := f.PendingEvents()[i].Envelope()
		assert.Equal(t, enabled, e.Data["is_enabled"])
		assert.Equal(t, stamp(i+1).By, e.Stamp.By)
		assert.Equal(t, flag.AggregateType, e.AggregateType)
	}
	assert.False(t, f.Deleted())
	assert.Nil(t, f.Unsaved().Entries[3].Old)
	assert.Equal(t, scope.Version(1), f.Unsaved().Base)

	f.MarkSaved(7, "")
	assert.Empty(t, f.PendingEvents())
	assert.Empty(t, f.Unsaved().Entries)
	assert.Equal(t, scope.Version(5), f.Unsaved().Base)
	again := flag.Rehydrate(f.State())
	assert.Equal(t, flag.ID(7), again.ID())
	assert.Equal(t, identity(t), again.Identity())
	require.NoError(t, again.Expect(scope.ExpectVersions(5)))
	require.NoError(t, again.Expect(scope.ExpectVersions(1, 5)))
	require.ErrorIs(t, again.Expect(scope.ExpectVersions(4)), flag.ErrStale)
}

func TestDescriptions(t *testing.T) {
	t.Parallel()
	f := stored(t, ``)
	changed, err := f.Update(change(t, `"description":"one"`), stamp(1))
	require.NoError(t, err)
	assert.True(t, changed)
	_, err = f.Update(change(t, `"is_enabled":true`), stamp(2))
	require.NoError(t, err)
	text, given := f.State().Description.Text()
	assert.True(t, given)
	assert.Equal(t, "one", text)
	changed, err = f.Update(change(t, `"description":"one"`), stamp(3))
	require.NoError(t, err)
	assert.False(t, changed)
	require.NoError(t, f.Delete(stamp(4)))
	require.NoError(t, f.Recreate(change(t, ``), stamp(5)))
	text, _ = f.State().Description.Text()
	assert.Empty(t, text)
}

func TestWhatFailsLeavesTheFlagAsItIs(t *testing.T) {
	t.Parallel()
	f := stored(t, `"rollout_percentage":10`)
	before := f.State()
	for _, bad := range []string{`"default":{"variant":"x"}`, `"type":"string"`, `"variants":{"on":1}`} {
		changed, err := f.Update(change(t, bad), stamp(1))
		require.ErrorIs(t, err, fault.ErrInvalid)
		assert.False(t, changed)
		_, err = f.Preview(change(t, bad))
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
	require.NoError(t, f.Delete(stamp(1)))
	deleted := f.State()
	require.ErrorIs(t, f.Recreate(change(t, `"default":{"variant":"x"}`), stamp(2)), fault.ErrInvalid)
	_, err := f.Preview(change(t, ``))
	require.ErrorIs(t, err, flag.ErrNotFound)
	assert.Equal(t, deleted, f.State())
	assert.Equal(t, before.Definition.JSON(), f.State().Definition.JSON())
}

// TestCreatedAnewAFlagBucketsAsBefore is what keeping the salt is for.
func TestCreatedAnewAFlagBucketsAsBefore(t *testing.T) {
	t.Parallel()
	f := stored(t, `"is_enabled":true,"rollout_percentage":30`)
	before := flag.Compile(f.State())
	require.NoError(t, f.Delete(stamp(1)))
	require.NoError(t, f.Recreate(change(t, `"is_enabled":true,"rollout_percentage":30`), stamp(2)))
	after := flag.Compile(f.State())
	for n := range 500 {
		key := strconv.Itoa(n)
		require.Equal(t, served(before, user(key)), served(after, user(key)))
	}
	assert.Equal(t, flag.ID(7), after.ID())
	assert.Equal(t, "checkout", after.Name())
	assert.Equal(t, "production", after.Environment())
	assert.Equal(t, flag.Boolean, after.Type())
	assert.Nil(t, after.Off())
	assert.Equal(t, f.State(), after.State())
}

// TestRollingBackServesEveryoneAsBefore uses weights that would not return to the same
// ranges by themselves.
func TestRollingBackServesEveryoneAsBefore(t *testing.T) {
	t.Parallel()
	f := stored(t, `"is_enabled":true,"type":"string","variants":{"a":"x","b":"y","c":"z"},`+
		`"default":{"allocation":{"a":300000,"b":300000,"c":400000}}`)
	step := func(a, b, c int) {
		_, err := f.Update(change(t, `"default":{"allocation":{"a":`+strconv.Itoa(a)+`,"b":`+strconv.Itoa(b)+`,"c":`+strconv.Itoa(c)+`}}`), stamp(1))
		require.NoError(t, err)
	}
	step(200_000, 500_000, 300_000)
	middle := f.State()
	step(500_000, 500_000, 0)
	step(200_000, 500_000, 300_000)
	assert.NotEqual(t, middle.Definition.JSON(), f.State().Definition.JSON(), "the steps matter")
	_, err := f.RollBack(flag.HistoryEntry{New: &middle.Draft}, stamp(2))
	require.NoError(t, err)
	assert.Equal(t, middle.Definition.JSON(), f.State().Definition.JSON())
	assert.Empty(t, middle.Definition.Movements(f.State().Definition))
	was, is := flag.Compile(middle), flag.Compile(f.State())
	for n := range 1000 {
		require.Equal(t, served(was, user(strconv.Itoa(n))), served(is, user(strconv.Itoa(n))))
	}
}

// TestMovementsAreThoseOfEveryBucket counts all million buckets, one by one.
func TestMovementsAreThoseOfEveryBucket(t *testing.T) {
	t.Parallel()
	members := func(weights string) string {
		return `"type":"string","variants":{"a":"x","b":"y","c":"z"},"default":{"allocation":{` + weights + `}}`
	}
	d := apply(t, define(t, `"is_enabled":true,`+members(`"a":333333,"b":333333,"c":333334`)), members(`"a":1,"b":123456,"c":876543`))
	to := apply(t, d, members(`"a":500001,"b":23457,"c":476542`))
	before, after := allocationOf(t, d), allocationOf(t, to)
	counted := map[[2]string]uint32{}
	for bucket := range uint32(rollout.Buckets) {
		if from, into := before.Locate(bucket).Variant, after.Locate(bucket).Variant; from != into {
			counted[[2]string{from, into}]++
		}
	}
	sent := map[[2]string]uint32{}
	for _, m := range d.Movements(to) {
		assert.Empty(t, m.Rule)
		for _, move := range m.Moves {
			sent[[2]string{move.From, move.To}] += move.Buckets
		}
	}
	assert.Equal(t, counted, sent)
	assert.Equal(t, map[[2]string]uint32{{"b", "a"}: 99_999, {"c", "a"}: 400_001}, sent)
}

// TestGrowingAShareKeepsEveryoneInside is TestGrowingKeepsEveryone for the share of a
// rule, and the reverse for shrinking.
func TestGrowingAShareKeepsEveryoneInside(t *testing.T) {
	t.Parallel()
	members := func(share uint32) string {
		return `"is_enabled":true,"rollout_percentage":0,"rules":[{"id":"r","variant":"on","share":{"percentage":` +
			flag.Percentage(share) + `}}]`
	}
	inside := func(d *flag.Definition) map[string]bool {
		c, in := compile(t, d), map[string]bool{}
		for n := range 200 {
			if key := strconv.Itoa(n); served(c, user(key)) == "on" {
				in[key] = true
			}
		}
		return in
	}
	rapid.Check(t, func(r *rapid.T) {
		low := rapid.Uint32Range(0, rollout.Buckets).Draw(r, "low")
		high := rapid.Uint32Range(low, rollout.Buckets).Draw(r, "high")
		small := define(t, members(low))
		large := apply(t, small, members(high))
		for key := range inside(small) {
			require.True(t, inside(large)[key], key)
		}
		require.Equal(t, inside(small), inside(apply(t, large, members(low))))
	})
	assert.Empty(t, inside(define(t, members(0))))
	assert.Len(t, inside(define(t, members(rollout.Buckets))), 200)
}

// FuzzChanges checks that changes do not panic, and that their results have one form.
func FuzzChanges(f *testing.F) {
	f.Add(`{"rollout_percentage":12.5}`, `{"rules":[{"id":"a","allocation":{"on":1,"off":999999}}]}`)
	f.Add(`{"variants":{"a":true,"b":false,"c":true}}`, `{"default":{"variant":"c"},"rollout_percentage":50}`)
	f.Add(`{"type":"string","variants":{"a":"x","b":"y"},"default":{"allocation":{"a":1,"b":999999}}}`, `{"off_variant":"a","repack":true}`)
	f.Add(`{"rules":[{"variant":"on","conditions":[{"attribute":"a","operator":"less","values":[1e-30]}]}]}`, `{"variants":{"on":true}}`)
	f.Fuzz(func(t *testing.T, creation, update string) {
		c, err := flag.ParseCreation(t.Context(), []byte(creation))
		if err != nil {
			return
		}
		d, err := flag.Define(c, salt)
		if err != nil {
			return
		}
		next, err := flag.ParseChange(t.Context(), []byte(update))
		if err != nil {
			return
		}
		changed, err := d.Apply(next)
		if err != nil {
			return
		}
		for _, d := range []*flag.Definition{d, changed} {
			stored, err := flag.RehydrateDefinition([]byte(d.JSON()))
			require.NoError(t, err)
			require.Equal(t, d.JSON(), stored.JSON())
			back, err := flag.ParseChange(t.Context(), []byte("{"+withoutSalt(d)+"}"))
			require.NoError(t, err)
			same, err := d.Apply(back)
			require.NoError(t, err)
			require.Equal(t, d.JSON(), same.JSON())
		}
		d.Movements(changed)
	})
}
