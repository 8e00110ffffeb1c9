package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// ReadableDirectory is a directory with a direct reader of its store, and control of its
// clock.
type ReadableDirectory struct {
	registry.Directory
	// Read returns the entry of a service without the version; the zero entry where there
	// is none.
	Read func(t *testing.T, name string) registry.Entry
	// Advance is as LeaseStore has it.
	Advance func(d time.Duration)
	// Epochs begins epochs of the feed.
	Epochs Epochs
}

// Directory tests implementations of registry.Directory, on empty ones that fresh returns.
func Directory(t *testing.T, fresh func(*testing.T) ReadableDirectory, without Without) {
	t.Helper()
	run(t, directorySuite(), fresh, without)
}

func directorySuite() []behaviour[ReadableDirectory] {
	return []behaviour[ReadableDirectory]{
		{"entries are stored as they were put", directoryRoundTrip},
		{"a later entry replaces an earlier one completely", directoryReplaces},
		{"a later service of the same name replaces the earlier one, whatever its version", directoryNameReused},
		{"an entry of a lower version is skipped, and the others are put", directoryOlder},
		{"an entry of the same version is put again", directorySame},
		{"the entry of a deregistered service is removed", directoryDeregistered},
		{"an older entry does not restore a deregistered service, a newer one does", directoryRestored},
		{"an entry lives for ttl, and longer where it is put again", directoryTTL},
		{"in another epoch an entry of a lower version is put, and removed services are not healthy", directoryOtherEpoch},
		{"the first entry, and one after a loss, reports that all others are lost", directoryLost},
		{"services with similar names have separate entries", directorySimilarNames},
		{"putting nothing is no error, and with an ended context it is one that changes nothing", directoryNothing},
	}
}

// entry is an active and healthy service.
func entry(name string, version int64, info string) registry.Entry {
	return registry.Entry{Name: name, Version: version, Info: []byte(info), Active: true, Healthy: true}
}

func (d ReadableDirectory) put(t *testing.T, entries ...registry.Entry) {
	t.Helper()
	_, err := d.PutServices(t.Context(), lasting, entries...)
	require.NoError(t, err)
}

// has asserts that entries are stored, or with no Info that they are not.
func (d ReadableDirectory) has(t *testing.T, entries ...registry.Entry) {
	t.Helper()
	for _, want := range entries {
		got := d.Read(t, want.Name)
		if want.Info == nil {
			assert.Zero(t, got)
			continue
		}
		got.Version = want.Version
		assert.Equal(t, want, got)
	}
}

// deregistered is the entry of a deregistered service.
func deregistered(name string, version int64) registry.Entry {
	return registry.Entry{Name: name, Version: version}
}

func directoryRoundTrip(t *testing.T, d ReadableDirectory) {
	entries := []registry.Entry{
		entry("shop", 1, `{"service_name":"shop","metadata":{"a":"ünïcödé \u0000 \" '"}}`),
		{Name: "ill", Version: 7, Info: []byte(`{}`), Active: true},
		{Name: "empty", Version: 1 << 52, Info: []byte(`{"n":1e2}`)},
	}
	d.put(t, entries...)
	d.has(t, entries...)
	d.has(t, deregistered("unknown", 1))
}

func directoryReplaces(t *testing.T, d ReadableDirectory) {
	d.put(t, entry("shop", 1, `{"v":1}`))
	later := registry.Entry{Name: "shop", Version: 2, Info: []byte(`{"v":2}`)}
	d.put(t, later)
	d.has(t, later)
	d.put(t, entry("shop", 10, `{"v":10}`))
	d.has(t, entry("shop", 10, `{"v":10}`))
}

func directoryOlder(t *testing.T, d ReadableDirectory) {
	d.put(t, entry("shop", 10, `{"v":10}`))
	older := registry.Entry{Name: "shop", Version: 9, Info: []byte(`{"v":9}`)}
	d.put(t, older, entry("cart", 1, `{}`))
	d.has(t, entry("shop", 10, `{"v":10}`), entry("cart", 1, `{}`))
	d.put(t, deregistered("shop", 9))
	d.has(t, entry("shop", 10, `{"v":10}`))
}

func directorySame(t *testing.T, d ReadableDirectory) {
	d.put(t, entry("shop", 3, `{"v":3}`))
	ill := registry.Entry{Name: "shop", Version: 3, Info: []byte(`{"v":3,"status":"unhealthy"}`), Active: true}
	d.put(t, ill)
	d.has(t, ill)
}

func directoryDeregistered(t *testing.T, d ReadableDirectory) {
	d.put(t, entry("shop", 1, `{}`), entry("cart", 1, `{}`))
	d.put(t, deregistered("shop", 2), deregistered("unknown", 1))
	d.has(t, deregistered("shop", 2), entry("cart", 1, `{}`), deregistered("unknown", 1))
}

func directoryRestored(t *testing.T, d ReadableDirectory) {
	d.put(t, entry("shop", 1, `{"v":1}`))
	d.put(t, deregistered("shop", 3))
	d.put(t, entry("shop", 2, `{"v":2}`))
	d.has(t, deregistered("shop", 3))
	d.put(t, entry("shop", 4, `{"v":4}`))
	d.has(t, entry("shop", 4, `{"v":4}`))
}

func directoryTTL(t *testing.T, d ReadableDirectory) {
	const ttl = time.Second
	_, err := d.PutServices(t.Context(), ttl, entry("brief", 1, `{}`), entry("again", 1, `{}`))
	require.NoError(t, err)
	d.has(t, entry("brief", 1, `{}`), entry("again", 1, `{}`))
	d.put(t, entry("again", 1, `{}`))
	d.Advance(ttl + brief)
	d.has(t, entry("again", 1, `{}`))
	left := d.Read(t, "brief")
	assert.Empty(t, left.Info)
	assert.False(t, left.Active)
}

func directorySimilarNames(t *testing.T, d ReadableDirectory) {
	entries := []registry.Entry{
		entry("a", 1, `1`), entry("A", 1, `2`), entry("a.b", 1, `3`), entry("a-b", 1, `4`), entry("a_b", 1, `5`),
		entry("0", 1, `6`), entry("00", 1, `7`), entry("active", 1, `8`), entry("instances", 1, `9`),
	}
	d.put(t, entries...)
	d.has(t, entries...)
	d.put(t, deregistered("a", 2))
	d.has(t, entries[1:]...)
}

func directoryNothing(t *testing.T, d ReadableDirectory) {
	d.put(t)
	_, err := d.PutServices(endedContext(t), lasting, entry("shop", 1, `{}`))
	require.Error(t, err)
	d.has(t, deregistered("shop", 1))
}

func directoryOtherEpoch(t *testing.T, d ReadableDirectory) {
	d.put(t, entry("shop", 20, `{"v":20}`), entry("lost", 3, `{}`))
	d.Epochs.Begin()
	d.put(t, entry("shop", 2, `{"v":2}`))
	d.has(t, entry("shop", 2, `{"v":2}`))
	assert.False(t, d.Read(t, "lost").Healthy)
}

func directoryLost(t *testing.T, d ReadableDirectory) {
	for range 2 {
		again, err := d.PutServices(t.Context(), lasting, entry("shop", 1, `{}`))
		require.NoError(t, err)
		assert.True(t, again)
		again, err = d.PutServices(t.Context(), lasting, entry("cart", 1, `{}`))
		require.NoError(t, err)
		assert.False(t, again)
		d.Epochs.Begin()
	}
}

func directoryNameReused(t *testing.T, d ReadableDirectory) {
	first, second := entry("shop", 7, `{"v":"first"}`), entry("shop", 1, `{"v":"second"}`)
	first.ID, second.ID = 1, 10
	d.put(t, first, deregistered("cart", 1))
	d.put(t, second)
	d.put(t, first)
	got := d.Read(t, "shop")
	assert.JSONEq(t, `{"v":"second"}`, string(got.Info))
}
