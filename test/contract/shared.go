package contract

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// SharedConfigurations is what replicas share of configurations.
type SharedConfigurations = ports.Shared[configuration.Locator, configuration.State]

// Shared holds what replicas share to ports.Shared, on empty ones that fresh returns.
func Shared(t *testing.T, fresh func(*testing.T) SharedConfigurations, without Without) {
	t.Helper()
	run(t, sharedSuite(), fresh, without)
}

func sharedSuite() []behaviour[SharedConfigurations] {
	return []behaviour[SharedConfigurations]{
		{"what was put is there as it was", sharedAsItWas},
		{"of two versions the higher one stays", sharedHigher},
		{"a version that was read later is held as that", sharedLater},
		{"another epoch replaces what is there", sharedEpoch},
		{"a deletion stays where a slow reader puts what was before", sharedDeletion},
		{"that there is none is held until there is one", sharedNone},
		{"what was dropped is not there, and what was never there can be dropped", sharedDropped},
		{"many put at once, and the highest version stays", sharedTogether},
	}
}

const (
	anEpoch      = "0123456789abcdef"
	anotherEpoch = "fedcba9876543210"
)

// sharedAt returns a configuration's state at a version, as somebody put it who was at
// a revision.
func sharedAt(t *testing.T, version, revision int64, options ...fixture.Option) ports.Kept[configuration.State] {
	t.Helper()
	state := fixture.Configuration(t, options...).State()
	state.ID, state.Version = 7, configuration.Version(version)
	state.Event = "01935d6c-0000-7000-8000-0123456789ab"
	return ports.Kept[configuration.State]{Value: state, Version: version, Epoch: anEpoch, Revision: revision}
}

func sharedGet(t *testing.T, s SharedConfigurations, at configuration.Locator) ports.Kept[configuration.State] {
	t.Helper()
	kept, held := s.Get(t.Context(), at)
	require.True(t, held)
	return kept
}

func sharedAsItWas(t *testing.T, s SharedConfigurations) {
	for key, options := range map[string][]fixture.Option{
		"plain":       nil,
		"token":       {fixture.Holding(configuration.Sealed("gAAAA token"))},
		"empty":       {fixture.Holding(fixture.Plain(t, ""))},
		"described":   {fixture.Described(t, "über <&> \u2028\n")},
		"undescribed": {fixture.Described(t, "")},
		"large":       {fixture.Holding(fixture.Plain(t, fixture.Long(configuration.MaxValueBytes)))},
		"any/key@+:x": {fixture.In("staging", "a-b.c_d")},
	} {
		kept := sharedAt(t, 3, 9, append(options, fixture.Key(key))...)
		at := kept.Value.Identity.Locator()
		_, held := s.Get(t.Context(), at)
		assert.False(t, held, key)
		s.Put(t.Context(), at, kept)
		assert.Equal(t, kept, sharedGet(t, s, at), key)
	}
}

func sharedHigher(t *testing.T, s SharedConfigurations) {
	old, later := sharedAt(t, 9, 99), sharedAt(t, 10, 1)
	at := old.Value.Identity.Locator()
	for range 2 {
		s.Put(t.Context(), at, old)
		s.Put(t.Context(), at, later)
		assert.Equal(t, later, sharedGet(t, s, at))
	}
}

func sharedLater(t *testing.T, s SharedConfigurations) {
	before, after := sharedAt(t, 2, 9), sharedAt(t, 2, 10)
	at := before.Value.Identity.Locator()
	s.Put(t.Context(), at, before)
	s.Put(t.Context(), at, after)
	s.Put(t.Context(), at, before)
	assert.Equal(t, after, sharedGet(t, s, at))
}

func sharedEpoch(t *testing.T, s SharedConfigurations) {
	before, after := sharedAt(t, 9, 9), sharedAt(t, 1, 1)
	after.Epoch = anotherEpoch
	at := before.Value.Identity.Locator()
	s.Put(t.Context(), at, before)
	s.Put(t.Context(), at, after)
	assert.Equal(t, after, sharedGet(t, s, at))
}

func sharedDeletion(t *testing.T, s SharedConfigurations) {
	c := fixture.Configuration(t)
	c.MarkSaved(7, "")
	require.NoError(t, c.Delete(fixture.Stamp()))
	state := c.State()
	at := state.Identity.Locator()
	s.Put(t.Context(), at, ports.Kept[configuration.State]{Value: state, Version: 2, Epoch: anEpoch, Revision: 1})
	s.Put(t.Context(), at, sharedAt(t, 1, 1))
	kept := sharedGet(t, s, at)
	assert.Equal(t, int64(2), kept.Version)
	assert.True(t, kept.Value.Deleted)
}

func sharedNone(t *testing.T, s SharedConfigurations) {
	one := sharedAt(t, 1, 0)
	at := one.Value.Identity.Locator()
	s.Put(t.Context(), at, ports.Kept[configuration.State]{Epoch: anEpoch, Revision: 5})
	kept := sharedGet(t, s, at)
	assert.Zero(t, kept.Version)
	assert.Equal(t, int64(5), kept.Revision)
	s.Put(t.Context(), at, one)
	s.Put(t.Context(), at, ports.Kept[configuration.State]{Epoch: anEpoch, Revision: 6})
	assert.Equal(t, one, sharedGet(t, s, at))
}

func sharedDropped(t *testing.T, s SharedConfigurations) {
	kept := sharedAt(t, 3, 9)
	at := kept.Value.Identity.Locator()
	s.Drop(t.Context(), at)
	s.Put(t.Context(), at, kept)
	s.Drop(t.Context(), at)
	_, held := s.Get(t.Context(), at)
	assert.False(t, held)
	older := sharedAt(t, 2, 1)
	s.Put(t.Context(), at, older)
	assert.Equal(t, older, sharedGet(t, s, at))
}

func sharedTogether(t *testing.T, s SharedConfigurations) {
	const most = 16
	var all sync.WaitGroup
	for version := range int64(most) {
		kept := sharedAt(t, version+1, version)
		all.Go(func() { s.Put(t.Context(), kept.Value.Identity.Locator(), kept) })
	}
	all.Wait()
	kept := sharedGet(t, s, fixture.Configuration(t).Identity().Locator())
	assert.Equal(t, int64(most), kept.Version)
	assert.Equal(t, configuration.Version(most), kept.Value.Version)
}
