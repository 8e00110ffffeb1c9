package localcache_test

import (
	"cmp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// model keeps leases as the contract says, without a queue: it looks at all.
type model struct {
	leases map[registry.Key]modelled
	now    registry.Instant
}

type modelled struct {
	registry.Grant
	ends  registry.Instant
	ended bool
}

func (m *model) grant(g registry.Grant) error {
	l, known := m.leases[g.Key]
	if known && g.Epoch < l.Epoch {
		return &registry.RefusedError{Current: []registry.LeaseKey{l.LeaseKey}}
	}
	if known && g.IfAbsent && g.Epoch == l.Epoch {
		return nil
	}
	l = modelled{Grant: g, ends: m.now.Add(g.TTL)}
	if g.Expired {
		l.ended, l.ends = true, m.now.Add(g.Removal)
	}
	m.leases[g.Key] = l
	return nil
}

func (m *model) renew(r registry.Renewal) registry.Renewed {
	l, known := m.leases[r.Key]
	switch {
	case !known || r.Epoch > l.Epoch:
		return registry.Renewed{Outcome: registry.LeaseUnknown}
	case r.Epoch < l.Epoch:
		return registry.Renewed{Outcome: registry.LeaseLost}
	}
	had := l.ended
	l.ends, l.ended = m.now.Add(l.TTL), false
	m.leases[r.Key] = l
	return registry.Renewed{Outcome: registry.LeaseRenewed, TTL: l.TTL, HadExpired: had}
}

func (m *model) end(e registry.Lease) bool {
	l, known := m.leases[e.Key]
	if !known || l.ended || l.Epoch != e.Epoch || l.ends != e.Ends {
		return false
	}
	l.ended, l.ends = true, e.Ends.Add(l.Removal)
	m.leases[e.Key] = l
	return true
}

func (m *model) drop(h registry.LeaseKey) {
	if l, known := m.leases[h.Key]; known && l.Epoch <= h.Epoch {
		delete(m.leases, h.Key)
	}
}

// due returns the ends of the leases that run, or of those that have ended, so far
// as they have passed, in order.
func (m *model) due(ended bool) []registry.Lease {
	var due []registry.Lease
	for _, l := range m.leases {
		if l.ended == ended && l.ends <= m.now {
			due = append(due, registry.Lease{LeaseKey: l.LeaseKey, Ends: l.ends})
		}
	}
	return inOrder(due)
}

// inOrder sorts by end, and then by name: of leases that end together either may
// come first.
func inOrder(leases []registry.Lease) []registry.Lease {
	slices.SortFunc(leases, func(a, b registry.Lease) int {
		return cmp.Or(cmp.Compare(a.Ends, b.Ends), cmp.Compare(a.Instance.String(), b.Instance.String()))
	})
	return leases
}

func TestStoreAgreesWithItsModel(t *testing.T) {
	t.Parallel()
	all := grants(t, 8, time.Second)
	rapid.Check(t, func(r *rapid.T) {
		stopwatch := fixture.NewStopwatch()
		store := localcache.New(fixture.NewClock(), stopwatch, fixture.NewEpoch().Present)
		m := &model{leases: map[registry.Key]modelled{}}
		held := func(r *rapid.T) registry.LeaseKey {
			of := all[rapid.IntRange(0, len(all)-1).Draw(r, "instance")]
			return registry.LeaseKey{Key: of.Key, Epoch: registry.Epoch(rapid.IntRange(1, 3).Draw(r, "epoch"))}
		}
		var seen []registry.Lease
		r.Repeat(map[string]func(*rapid.T){
			"grant": func(r *rapid.T) {
				g := registry.Grant{
					LeaseKey: held(r), TTL: time.Duration(rapid.IntRange(1, 9).Draw(r, "ttl")) * time.Second,
					Expired: rapid.Bool().Draw(r, "ended"), IfAbsent: rapid.Bool().Draw(r, "keep"),
				}
				g.Removal = 2 * g.TTL
				assert.Equal(r, m.grant(g), store.Grant(t.Context(), g))
			},
			"renew": func(r *rapid.T) {
				renewal := registry.Renewal{LeaseKey: held(r)}
				got, err := store.Renew(t.Context(), renewal)
				require.NoError(r, err)
				assert.Equal(r, []registry.Renewed{m.renew(renewal)}, got)
			},
			"end": func(r *rapid.T) {
				if len(seen) == 0 {
					r.Skip("nothing was overdue")
				}
				e := rapid.SampledFrom(seen).Draw(r, "seen")
				// Ending again is the contract's to say; the model knows the first alone.
				seen = slices.DeleteFunc(seen, func(l registry.Lease) bool { return l == e })
				got, err := store.Expire(t.Context(), e)
				require.NoError(r, err)
				assert.Equal(r, []bool{m.end(e)}, got)
			},
			"drop": func(r *rapid.T) {
				h := held(r)
				require.NoError(r, store.Remove(t.Context(), h))
				m.drop(h)
			},
			"time": func(r *rapid.T) {
				d := time.Duration(rapid.IntRange(0, 5000).Draw(r, "ms")) * time.Millisecond
				stopwatch.Move(d)
				m.now = m.now.Add(d)
			},
			"": func(r *rapid.T) {
				limit := rapid.IntRange(1, 10).Draw(r, "limit")
				got, err := store.Due(t.Context(), "only", limit)
				require.NoError(r, err)
				assertDue(r, m.due(false), got.Overdue, limit)
				assertDue(r, m.due(true), got.Removable, limit)
				for _, l := range got.Overdue {
					if !slices.Contains(seen, l) {
						seen = append(seen, l)
					}
				}
			},
		})
	})
}

// assertDue asserts that got are the first of want.
func assertDue(r *rapid.T, want, got []registry.Lease, limit int) {
	require.Len(r, got, min(limit, len(want)))
	for i, l := range got {
		require.Equal(r, want[i].Ends, l.Ends)
		require.Contains(r, want, l)
	}
	require.Len(r, slices.Compact(inOrder(slices.Clone(got))), len(got))
}

func TestTime(t *testing.T) {
	t.Parallel()

	t.Run("a step of the wall clock ends nothing, and keeps nothing from ending", func(t *testing.T) {
		t.Parallel()
		clock, stopwatch := fixture.NewClock(), fixture.NewStopwatch()
		store := localcache.New(clock, stopwatch, fixture.NewEpoch().Present)
		require.NoError(t, store.Grant(t.Context(), grants(t, 1, time.Minute)...))
		for _, step := range []time.Duration{time.Hour, -2 * time.Hour} {
			clock.Move(step)
			swept, err := store.Due(t.Context(), "only", 1)
			require.NoError(t, err)
			assert.Empty(t, swept.Overdue)
		}
		stopwatch.Move(time.Minute)
		swept, err := store.Due(t.Context(), "only", 1)
		require.NoError(t, err)
		assert.Len(t, swept.Overdue, 1)
	})
}

func TestHeartbeatAllocatesItsAnswerAlone(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of all goroutines
	store := localcache.New(fixture.NewClock(), fixture.NewStopwatch(), fixture.NewEpoch().Present)
	all := grants(t, 1, time.Minute)
	require.NoError(t, store.Grant(t.Context(), all...))
	renewal := registry.Renewal{LeaseKey: all[0].LeaseKey}
	ctx := t.Context()
	got := testing.AllocsPerRun(1000, func() { _, _ = store.Renew(ctx, renewal) })
	assert.LessOrEqual(t, got, 1.0, strconv.FormatFloat(got, 'f', 1, 64))
}
