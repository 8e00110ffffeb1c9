package localcache_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// many is the bound of instances of a service.
const many = 10_000

// grants are n leases of one service.
func grants(tb testing.TB, n int, ttl time.Duration) []registry.Grant {
	tb.Helper()
	service, err := scope.ParseServiceName("user-service")
	require.NoError(tb, err)
	list := make([]registry.Grant, n)
	for i := range list {
		ref := fixture.Ref(tb, fmt.Sprintf("user-service-7d9f8b6c5-%08d", i))
		list[i] = registry.Grant{
			LeaseKey: registry.LeaseKey{Key: registry.Key{Service: service, Ref: ref}, Epoch: 1},
			TTL:      ttl, Removal: 10 * ttl,
		}
	}
	return list
}

func BenchmarkRenew(b *testing.B) {
	report := health.Passing
	for name, observation := range map[string]registry.Observation{
		"silent": {}, "reported": {Status: &report, Reported: true},
	} {
		b.Run(name, func(b *testing.B) {
			store := localcache.New(system.NewClock(), system.NewStopwatch(), fixture.NewEpoch().Present)
			all := grants(b, many, time.Hour)
			require.NoError(b, store.Grant(b.Context(), all...))
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				renewal := registry.Renewal{LeaseKey: all[i%many].LeaseKey, Observation: observation}
				if renewed, err := store.Renew(b.Context(), renewal); err != nil || renewed[0].Outcome != registry.LeaseRenewed {
					b.Fatal(err, renewed)
				}
				i++
			}
		})
	}
}

func BenchmarkRenewConcurrently(b *testing.B) {
	store := localcache.New(system.NewClock(), system.NewStopwatch(), fixture.NewEpoch().Present)
	all := grants(b, many, time.Hour)
	require.NoError(b, store.Grant(b.Context(), all...))
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := store.Renew(b.Context(), registry.Renewal{LeaseKey: all[i%many].LeaseKey}); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkRenewBatch(b *testing.B) {
	store := localcache.New(system.NewClock(), system.NewStopwatch(), fixture.NewEpoch().Present)
	all := grants(b, many, time.Hour)
	require.NoError(b, store.Grant(b.Context(), all...))
	renewals := make([]registry.Renewal, 1000)
	for i := range renewals {
		renewals[i].LeaseKey = all[i].LeaseKey
	}
	for b.Loop() {
		if _, err := store.Renew(b.Context(), renewals...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/renewal")
}

// BenchmarkDue measures a store in which all leases are overdue.
func BenchmarkDue(b *testing.B) {
	stopwatch := fixture.NewStopwatch()
	store := localcache.New(fixture.NewClock(), stopwatch, fixture.NewEpoch().Present)
	require.NoError(b, store.Grant(b.Context(), grants(b, many, time.Second)...))
	stopwatch.Move(time.Minute)
	for b.Loop() {
		if due, err := store.Due(b.Context(), "only", 250); err != nil || len(due.Overdue) != 250 {
			b.Fatal(err, len(due.Overdue))
		}
	}
}

// BenchmarkDueWithOutdatedQueue measures a store in which every lease was renewed since
// the queue was last corrected, and reports the longest concurrent heartbeat, too.
func BenchmarkDueWithOutdatedQueue(b *testing.B) {
	stopwatch := fixture.NewStopwatch()
	store := localcache.New(fixture.NewClock(), stopwatch, fixture.NewEpoch().Present)
	all := grants(b, many, time.Minute)
	require.NoError(b, store.Grant(b.Context(), all...))
	var longest time.Duration
	for b.Loop() {
		b.StopTimer()
		stopwatch.Move(30 * time.Second)
		for i := range all {
			_, _ = store.Renew(b.Context(), registry.Renewal{LeaseKey: all[i].LeaseKey})
		}
		stopwatch.Move(31 * time.Second)
		done, waited := make(chan struct{}), make(chan time.Duration)
		go func() { waited <- heartbeatsUntil(b, store, all, done) }()
		b.StartTimer()
		if due, err := store.Due(b.Context(), "only", 250); err != nil || len(due.Overdue) != 0 {
			b.Fatal(err, len(due.Overdue))
		}
		close(done)
		longest = max(longest, <-waited)
	}
	b.ReportMetric(float64(longest.Microseconds()), "longest-µs")
}

// heartbeatsUntil renews leases until done is closed, and returns the longest renewal.
func heartbeatsUntil(b *testing.B, store *localcache.Store, all []registry.Grant, done <-chan struct{}) time.Duration {
	b.Helper()
	var longest time.Duration
	for i := 0; ; i++ {
		select {
		case <-done:
			return longest
		default:
		}
		start := time.Now()
		if _, err := store.Renew(b.Context(), registry.Renewal{LeaseKey: all[i%many].LeaseKey}); err != nil {
			b.Error(err)
		}
		longest = max(longest, time.Since(start))
	}
}

// BenchmarkMemory measures a service with as many instances as it may have, without
// their names.
func BenchmarkMemory(b *testing.B) {
	all := grants(b, many, time.Hour)
	for b.Loop() {
		before := heap()
		store := localcache.New(system.NewClock(), system.NewStopwatch(), fixture.NewEpoch().Present)
		require.NoError(b, store.Grant(b.Context(), all...))
		b.ReportMetric(float64(heap()-before)/many, "B/lease")
		runtime.KeepAlive(store)
	}
	b.ReportMetric(0, "ns/op")
}

// heap returns the bytes in use after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
