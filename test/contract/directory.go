package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// ShownDirectory is a directory with the eyes of those who read its store, and a
// hold on its time.
type ShownDirectory struct {
	registry.Directory
	// Look returns what the store shows of a service, but for the version: the zero
	// entry where it shows nothing at all.
	Look func(t *testing.T, name string) registry.Entry
	// Advance is as LeaseStore has it.
	Advance func(d time.Duration)
	// Epochs has another epoch of the feed begin.
	Epochs Epochs
}

// Directory holds a store to registry.Directory, on empty ones that fresh returns.
func Directory(t *testing.T, fresh func(*testing.T) ShownDirectory, without Without) {
	t.Helper()
	run(t, directorySuite(), fresh, without)
}

func directorySuite() []behaviour[ShownDirectory] {
	return []behaviour[ShownDirectory]{
		{"entries are shown as they are", shownAsIs},
		{"a later entry takes the place of an earlier one, wholly", shownLater},
		{"a service that has the name of another is shown whatever its version, and the other one no more", shownAnother},
		{"an entry of a lower version is passed over, and the others are shown", shownOlder},
		{"an entry of the same version is shown anew", shownSame},
		{"a service that is deregistered is no longer shown", shownNoMore},
		{"an older entry does not bring a deregistered service back, a newer one does", shownBack},
		{"an entry is shown for ttl, and longer where it is shown again", shownForTTL},
		{"in another epoch an entry of a lower version is shown, and services that are no more are not healthy", shownAnew},
		{"what is shown first, and after a loss, is to be shown again with all others", shownAgain},
		{"services whose names resemble each other are shown apart", shownApart},
		{"showing nothing is no error, and with an ended context it is one that changes nothing", shownNothing},
	}
}

// entry is a service that is shown as active and healthy.
func entry(name string, version int64, info string) registry.Entry {
	return registry.Entry{Name: name, Version: version, Info: []byte(info), Active: true, Healthy: true}
}

func (d ShownDirectory) show(t *testing.T, entries ...registry.Entry) {
	t.Helper()
	_, err := d.PutServices(t.Context(), lasting, entries...)
	require.NoError(t, err)
}

// shows asserts that entries are shown, or with no Info that they are not.
func (d ShownDirectory) shows(t *testing.T, entries ...registry.Entry) {
	t.Helper()
	for _, want := range entries {
		got := d.Look(t, want.Name)
		if want.Info == nil {
			assert.Zero(t, got)
			continue
		}
		got.Version = want.Version
		assert.Equal(t, want, got)
	}
}

// gone is an entry of a service that is deregistered.
func gone(name string, version int64) registry.Entry {
	return registry.Entry{Name: name, Version: version}
}

func shownAsIs(t *testing.T, d ShownDirectory) {
	entries := []registry.Entry{
		entry("shop", 1, `{"service_name":"shop","metadata":{"a":"ünïcödé \u0000 \" '"}}`),
		{Name: "ill", Version: 7, Info: []byte(`{}`), Active: true},
		{Name: "empty", Version: 1 << 52, Info: []byte(`{"n":1e2}`)},
	}
	d.show(t, entries...)
	d.shows(t, entries...)
	d.shows(t, gone("unknown", 1))
}

func shownLater(t *testing.T, d ShownDirectory) {
	d.show(t, entry("shop", 1, `{"v":1}`))
	later := registry.Entry{Name: "shop", Version: 2, Info: []byte(`{"v":2}`)}
	d.show(t, later)
	d.shows(t, later)
	d.show(t, entry("shop", 10, `{"v":10}`))
	d.shows(t, entry("shop", 10, `{"v":10}`))
}

func shownOlder(t *testing.T, d ShownDirectory) {
	d.show(t, entry("shop", 10, `{"v":10}`))
	older := registry.Entry{Name: "shop", Version: 9, Info: []byte(`{"v":9}`)}
	d.show(t, older, entry("cart", 1, `{}`))
	d.shows(t, entry("shop", 10, `{"v":10}`), entry("cart", 1, `{}`))
	d.show(t, gone("shop", 9))
	d.shows(t, entry("shop", 10, `{"v":10}`))
}

func shownSame(t *testing.T, d ShownDirectory) {
	d.show(t, entry("shop", 3, `{"v":3}`))
	ill := registry.Entry{Name: "shop", Version: 3, Info: []byte(`{"v":3,"status":"unhealthy"}`), Active: true}
	d.show(t, ill)
	d.shows(t, ill)
}

func shownNoMore(t *testing.T, d ShownDirectory) {
	d.show(t, entry("shop", 1, `{}`), entry("cart", 1, `{}`))
	d.show(t, gone("shop", 2), gone("unknown", 1))
	d.shows(t, gone("shop", 2), entry("cart", 1, `{}`), gone("unknown", 1))
}

func shownBack(t *testing.T, d ShownDirectory) {
	d.show(t, entry("shop", 1, `{"v":1}`))
	d.show(t, gone("shop", 3))
	d.show(t, entry("shop", 2, `{"v":2}`))
	d.shows(t, gone("shop", 3))
	d.show(t, entry("shop", 4, `{"v":4}`))
	d.shows(t, entry("shop", 4, `{"v":4}`))
}

func shownForTTL(t *testing.T, d ShownDirectory) {
	const ttl = time.Second
	_, err := d.PutServices(t.Context(), ttl, entry("brief", 1, `{}`), entry("again", 1, `{}`))
	require.NoError(t, err)
	d.shows(t, entry("brief", 1, `{}`), entry("again", 1, `{}`))
	d.show(t, entry("again", 1, `{}`))
	d.Advance(ttl + brief)
	d.shows(t, entry("again", 1, `{}`))
	left := d.Look(t, "brief")
	assert.Empty(t, left.Info)
	assert.False(t, left.Active)
}

func shownApart(t *testing.T, d ShownDirectory) {
	entries := []registry.Entry{
		entry("a", 1, `1`), entry("A", 1, `2`), entry("a.b", 1, `3`), entry("a-b", 1, `4`), entry("a_b", 1, `5`),
		entry("0", 1, `6`), entry("00", 1, `7`), entry("active", 1, `8`), entry("instances", 1, `9`),
	}
	d.show(t, entries...)
	d.shows(t, entries...)
	d.show(t, gone("a", 2))
	d.shows(t, entries[1:]...)
}

func shownNothing(t *testing.T, d ShownDirectory) {
	d.show(t)
	_, err := d.PutServices(endedContext(t), lasting, entry("shop", 1, `{}`))
	require.Error(t, err)
	d.shows(t, gone("shop", 1))
}

func shownAnew(t *testing.T, d ShownDirectory) {
	d.show(t, entry("shop", 20, `{"v":20}`), entry("lost", 3, `{}`))
	d.Epochs.Begin()
	d.show(t, entry("shop", 2, `{"v":2}`))
	d.shows(t, entry("shop", 2, `{"v":2}`))
	assert.False(t, d.Look(t, "lost").Healthy)
}

func shownAgain(t *testing.T, d ShownDirectory) {
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

func shownAnother(t *testing.T, d ShownDirectory) {
	first, second := entry("shop", 7, `{"v":"first"}`), entry("shop", 1, `{"v":"second"}`)
	first.ID, second.ID = 1, 10
	d.show(t, first, gone("cart", 1))
	d.show(t, second)
	d.show(t, first)
	got := d.Look(t, "shop")
	assert.JSONEq(t, `{"v":"second"}`, string(got.Info))
}
