package flagapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// bundle is the use cases with their dependencies.
type bundle struct {
	*flagapp.Service
	store *fixture.Flags
	clock *fixture.Clock
	watch *fixture.Stopwatch
	tail  *fixture.Tail
	ids   *fixture.IDs
}

func setup(tb testing.TB) *bundle {
	tb.Helper()
	b := &bundle{store: fixture.NewFlags(), clock: fixture.NewClock(), watch: fixture.NewStopwatch(), tail: fixture.NewTail(), ids: fixture.NewIDs()}
	b.Service = b.replica(tb)
	require.NoError(tb, b.Refresh(tb.Context()))
	return b
}

// replica returns another replica on the same store.
func (b *bundle) replica(tb testing.TB) *flagapp.Service {
	tb.Helper()
	environments, err := scope.NewEnvironments("production", "staging")
	require.NoError(tb, err)
	return flagapp.New(flagapp.Dependencies{
		Flags: b.store, History: b.store, Source: b.store,
		Clock: b.clock, Stopwatch: b.watch, Feed: b.tail, IDs: b.ids,
		Memory: fixture.NewLocalCache[flag.Locator, *flagapp.Entry](1 << 20), Backoff: &fixture.NoWait{}, Environments: environments,
	})
}

// pass advances the time without deliveries of the feed.
func (b *bundle) pass(d time.Duration) {
	b.watch.Move(d)
	b.tail.Grow(d)
}

func (b *bundle) create(t *testing.T, members string) flag.State {
	t.Helper()
	f, err := b.Create(t.Context(), fixture.Admin(), []byte(`{"name":"f","environment":"production",`+members+`}`))
	require.NoError(t, err)
	return f
}

func (b *bundle) disable(t *testing.T, id flag.ID) {
	t.Helper()
	_, err := b.Update(t.Context(), fixture.Admin(), flagapp.Update{ID: id, Change: []byte(`{"is_enabled":false}`)})
	require.NoError(t, err)
}

// snapshot returns the snapshot of production.
func snapshot(t *testing.T, s *flagapp.Service) *flagapp.Snapshot {
	t.Helper()
	found, err := s.Snapshot(t.Context(), fixture.Reader(), "production")
	require.NoError(t, err)
	return found
}
