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

// model is a lease store without a queue, which scans all leases.
type model struct {
	leases map[registry.Key]modelLease
	now    registry.Instant
}

type modelLease struct {
	registry.Grant
	ends    registry.Instant
	expired bool
}

func (m *model) grant(g registry.Grant) error {
	l, known := m.leases[g.Key]
	if known && g.Epoch < l.Epoch {
		return &registry.RefusedError{Current: []registry.LeaseKey{l.LeaseKey}}
	}
	if known && g.IfAbsent && g.Epoch == l.Epoch {
		return nil
	}
	l = modelLease{Grant: g, ends: m.now.Add(g.TTL)}
	if g.Expired {
		l.expired, l.ends = true, m.now.Add(g.Removal)
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
	had := l.expired
	l.ends, l.expired = m.now.Add(l.TTL), false
	m.leases[r.Key] = l
	return registry.Renewed{Outcome: registry.LeaseRenewed, TTL: l.TTL, HadExpired: had}
}

func (m *model) expire(e registry.Lease) bool {
	l, known := m.leases[e.Key]
	if !known || l.expired || l.Epoch != e.Epoch || l.ends != e.Ends {
		return false
	}
	l.expired, l.ends = true, e.Ends.Add(l.Removal)
	m.leases[e.Key] = l
	return true
}

func (m *model) remove(h registry.LeaseKey) {
	if l, known := m.leases[h.Key]; known && l.Epoch <= h.Epoch {
		delete(m.leases, h.Key)
	}
}

// due returns the leases that are overdue, or those that are removable, in order.
func (m *model) due(expired bool) []registry.Lease {
	var due []registry.Lease
	for _, l := range m.leases {
		if l.expired == expired && l.ends <= m.now {
			due = append(due, registry.Lease{LeaseKey: l.LeaseKey, Ends: l.ends})
		}
	}
	return inOrder(due)
}

// inOrder sorts by end, and then by name: the order of leases that end together is not
// specified.
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
		m := &model{leases: map[registry.Key]modelLease{}}
		leaseKey := func(r *rapid.T) registry.LeaseKey {
			of := all[rapid.IntRange(0, len(all)-1).Draw(r, "instance")]
			return registry.LeaseKey{Key: of.Key, Epoch: registry.Epoch(rapid.IntRange(1, 3).Draw(r, "epoch"))}
		}
		var seen []registry.Lease
		r.Repeat(map[string]func(*rapid.T){
			"grant": func(r *rapid.T) {
				g := registry.Grant{
					LeaseKey: leaseKey(r), TTL: time.Duration(rapid.IntRange(1, 9).Draw(r, "ttl")) * time.Second,
					Expired: rapid.Bool().Draw(r, "expired"), IfAbsent: rapid.Bool().Draw(r, "if absent"),
				}
				g.Removal = 2 * g.TTL
				assert.Equal(r, m.grant(g), store.Grant(t.Context(), g))
			},
			"renew": func(r *rapid.T) {
				renewal := registry.Renewal{LeaseKey: leaseKey(r)}
				got, err := store.Renew(t.Context(), renewal)
				require.NoError(r, err)
				assert.Equal(r, []registry.Renewed{m.renew(renewal)}, got)
			},
			"expire": func(r *rapid.T) {
				if len(seen) == 0 {
					r.Skip("no lease was overdue")
				}
				e := rapid.SampledFrom(seen).Draw(r, "seen")
				// The contract suite tests repeated expiries; the model has the first alone.
				seen = slices.DeleteFunc(seen, func(l registry.Lease) bool { return l == e })
				got, err := store.Expire(t.Context(), e)
				require.NoError(r, err)
				assert.Equal(r, []bool{m.expire(e)}, got)
			},
			"remove": func(r *rapid.T) {
				h := leaseKey(r)
				require.NoError(r, store.Remove(t.Context(), h))
				m.remove(h)
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

	t.Run("a step of the wall clock neither expires a lease nor delays its expiry", func(t *testing.T) {
		t.Parallel()
		clock, stopwatch := fixture.NewClock(), fixture.NewStopwatch()
		store := localcache.New(clock, stopwatch, fixture.NewEpoch().Present)
		require.NoError(t, store.Grant(t.Context(), grants(t, 1, time.Minute)...))
		for _, step := range []time.Duration{time.Hour, -2 * time.Hour} {
			clock.Move(step)
			found, err := store.Due(t.Context(), "only", 1)
			require.NoError(t, err)
			assert.Empty(t, found.Overdue)
		}
		stopwatch.Move(time.Minute)
		found, err := store.Due(t.Context(), "only", 1)
		require.NoError(t, err)
		assert.Len(t, found.Overdue, 1)
	})
}

func TestHeartbeatAllocatesItsResultAlone(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of all goroutines
	store := localcache.New(fixture.NewClock(), fixture.NewStopwatch(), fixture.NewEpoch().Present)
	all := grants(t, 1, time.Minute)
	require.NoError(t, store.Grant(t.Context(), all...))
	renewal := registry.Renewal{LeaseKey: all[0].LeaseKey}
	ctx := t.Context()
	got := testing.AllocsPerRun(1000, func() { _, _ = store.Renew(ctx, renewal) })
	assert.LessOrEqual(t, got, 1.0, strconv.FormatFloat(got, 'f', 1, 64))
}
