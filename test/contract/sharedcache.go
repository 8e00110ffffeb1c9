package contract

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// SharedConfigurations is a shared cache of configurations.
type SharedConfigurations = ports.SharedCache[configuration.Locator, configuration.State]

// SharedCache tests implementations of ports.SharedCache, on empty ones that fresh
// returns.
func SharedCache(t *testing.T, fresh func(*testing.T) SharedConfigurations, without Without) {
	t.Helper()
	run(t, sharedCacheSuite(), fresh, without)
}

func sharedCacheSuite() []behaviour[SharedConfigurations] {
	return []behaviour[SharedConfigurations]{
		{"a value is returned as it was put", sharedCacheRoundTrip},
		{"the higher of two versions stays", sharedCacheHigherVersion},
		{"a version that was read at a later revision replaces the same version", sharedCacheLaterRevision},
		{"another epoch replaces the cached value", sharedCacheEpoch},
		{"a deletion is not replaced by an older version", sharedCacheDeletion},
		{"a negative entry is cached until there is a value", sharedCacheNegative},
		{"an invalidated value is a miss, and invalidating a missing one has no effect", sharedCacheInvalidates},
		{"of concurrent puts the highest version stays", sharedCacheConcurrent},
	}
}

const (
	anEpoch      = "0123456789abcdef"
	anotherEpoch = "fedcba9876543210"
)

// sharedAt returns a configuration's state at a version, as a replica at a revision
// shares it.
func sharedAt(
	t *testing.T, version, revision int64, options ...fixture.Option,
) ports.SharedValue[configuration.State] {
	t.Helper()
	state := fixture.Configuration(t, options...).State()
	state.ID, state.Version = 7, configuration.Version(version)
	state.Event = "01935d6c-0000-7000-8000-0123456789ab"
	return ports.SharedValue[configuration.State]{Value: state, Version: version, Epoch: anEpoch, Revision: revision}
}

func sharedGet(
	t *testing.T, s SharedConfigurations, key configuration.Locator,
) ports.SharedValue[configuration.State] {
	t.Helper()
	value, cached := s.Get(t.Context(), key)
	require.True(t, cached)
	return value
}

func sharedCacheRoundTrip(t *testing.T, s SharedConfigurations) {
	for name, options := range map[string][]fixture.Option{
		"plain": nil,
		"token": {fixture.Holding(configuration.Sealed("gAAAA token"))},
		"bound-token": {fixture.Holding(configuration.RehydrateSealed(
			"gAAAA token", configuration.Seal{Key: "0123456789abcdef", MAC: strings.Repeat("5a", 32)}, 3))},
		"empty":       {fixture.Holding(fixture.Plain(t, ""))},
		"described":   {fixture.Described(t, "über <&> \u2028\n")},
		"undescribed": {fixture.Described(t, "")},
		"large":       {fixture.Holding(fixture.Plain(t, fixture.Long(configuration.MaxValueBytes)))},
		"any/key@+:x": {fixture.In("staging", "a-b.c_d")},
	} {
		value := sharedAt(t, 3, 9, append(options, fixture.Key(name))...)
		key := value.Value.Identity.Locator()
		_, cached := s.Get(t.Context(), key)
		assert.False(t, cached, name)
		s.Put(t.Context(), key, value)
		assert.Equal(t, value, sharedGet(t, s, key), name)
	}
}

func sharedCacheHigherVersion(t *testing.T, s SharedConfigurations) {
	old, later := sharedAt(t, 9, 99), sharedAt(t, 10, 1)
	key := old.Value.Identity.Locator()
	for range 2 {
		s.Put(t.Context(), key, old)
		s.Put(t.Context(), key, later)
		assert.Equal(t, later, sharedGet(t, s, key))
	}
}

func sharedCacheLaterRevision(t *testing.T, s SharedConfigurations) {
	before, after := sharedAt(t, 2, 9), sharedAt(t, 2, 10)
	key := before.Value.Identity.Locator()
	s.Put(t.Context(), key, before)
	s.Put(t.Context(), key, after)
	s.Put(t.Context(), key, before)
	assert.Equal(t, after, sharedGet(t, s, key))
}

func sharedCacheEpoch(t *testing.T, s SharedConfigurations) {
	before, after := sharedAt(t, 9, 9), sharedAt(t, 1, 1)
	after.Epoch = anotherEpoch
	key := before.Value.Identity.Locator()
	s.Put(t.Context(), key, before)
	s.Put(t.Context(), key, after)
	assert.Equal(t, after, sharedGet(t, s, key))
}

func sharedCacheDeletion(t *testing.T, s SharedConfigurations) {
	c := fixture.Configuration(t)
	c.MarkSaved(7, "")
	require.NoError(t, c.Delete(fixture.Stamp()))
	state := c.State()
	key := state.Identity.Locator()
	s.Put(t.Context(), key, ports.SharedValue[configuration.State]{Value: state, Version: 2, Epoch: anEpoch, Revision: 1})
	s.Put(t.Context(), key, sharedAt(t, 1, 1))
	got := sharedGet(t, s, key)
	assert.Equal(t, int64(2), got.Version)
	assert.True(t, got.Value.Deleted)
}

func sharedCacheNegative(t *testing.T, s SharedConfigurations) {
	one := sharedAt(t, 1, 0)
	key := one.Value.Identity.Locator()
	s.Put(t.Context(), key, ports.SharedValue[configuration.State]{Epoch: anEpoch, Revision: 5})
	got := sharedGet(t, s, key)
	assert.Zero(t, got.Version)
	assert.Equal(t, int64(5), got.Revision)
	s.Put(t.Context(), key, one)
	s.Put(t.Context(), key, ports.SharedValue[configuration.State]{Epoch: anEpoch, Revision: 6})
	assert.Equal(t, one, sharedGet(t, s, key))
}

func sharedCacheInvalidates(t *testing.T, s SharedConfigurations) {
	value := sharedAt(t, 3, 9)
	key := value.Value.Identity.Locator()
	s.Invalidate(t.Context(), key)
	s.Put(t.Context(), key, value)
	s.Invalidate(t.Context(), key)
	_, cached := s.Get(t.Context(), key)
	assert.False(t, cached)
	older := sharedAt(t, 2, 1)
	s.Put(t.Context(), key, older)
	assert.Equal(t, older, sharedGet(t, s, key))
}

func sharedCacheConcurrent(t *testing.T, s SharedConfigurations) {
	const versions = 16
	var all sync.WaitGroup
	for version := range int64(versions) {
		value := sharedAt(t, version+1, version)
		all.Go(func() { s.Put(t.Context(), value.Value.Identity.Locator(), value) })
	}
	all.Wait()
	got := sharedGet(t, s, fixture.Configuration(t).Identity().Locator())
	assert.Equal(t, int64(versions), got.Version)
	assert.Equal(t, configuration.Version(versions), got.Value.Version)
}
