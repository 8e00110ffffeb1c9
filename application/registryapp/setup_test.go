package registryapp_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// shop is the service of most tests.
const shop = "shop"

// bundle is the use cases of one replica with their dependencies.
type bundle struct {
	*registryapp.Service
	store  *fixture.Services
	leases *leaseServer
	clock  *fixture.Clock
	// elapsed is the replica's stopwatch, serverTime that of the lease store.
	elapsed, serverTime *fixture.Stopwatch
	prober              *prober
	// epoch is the feed's epoch in the lease store.
	epoch *fixture.Epoch
}

// setup returns a running replica: it has read the store and expired leases once.
func setup(t *testing.T) *bundle {
	t.Helper()
	b := empty()
	b.Service = b.replica(t, "replica-1")
	require.NoError(t, b.Refresh(t.Context()))
	b.expireLeases(t)
	return b
}

func empty() *bundle {
	b := &bundle{
		store: fixture.NewServices(), clock: fixture.NewClock(), prober: &prober{},
		elapsed: fixture.NewStopwatch(), serverTime: fixture.NewStopwatch(),
		epoch: fixture.NewEpoch(),
	}
	b.leases = &leaseServer{Store: localcache.New(b.clock, b.serverTime, b.epoch.Present)}
	return b
}

// replica returns other use cases on the same stores.
func (b *bundle) replica(
	t *testing.T, name string, otherwise ...func(*registryapp.Dependencies),
) *registryapp.Service {
	t.Helper()
	environments, err := scope.NewEnvironments("production", "staging")
	require.NoError(t, err)
	d := registryapp.Dependencies{
		Services: b.store, History: b.store, Source: b.store,
		Leases: b.leases, Readings: b.leases, Members: b.leases, Prober: b.prober,
		Clock: b.clock, Stopwatch: b.elapsed, Backoff: &fixture.NoWait{},
		Environments: environments, DefaultEnvironment: "production", Replica: name,
	}
	for _, change := range otherwise {
		change(&d)
	}
	return registryapp.New(d)
}

// pass advances all clocks.
func (b *bundle) pass(d time.Duration) {
	b.clock.Move(d)
	b.elapsed.Move(d)
	b.serverTime.Move(d)
}

// expireLeases makes steps of lease expiry until there is nothing more to do.
func (b *bundle) expireLeases(t *testing.T) {
	t.Helper()
	for more := true; more; {
		var err error
		more, err = b.ExpireLeases(t.Context())
		require.NoError(t, err)
	}
}

// run advances the time in steps of a quarter second, and expires leases after each.
func (b *bundle) run(t *testing.T, d time.Duration) {
	t.Helper()
	for passed := time.Duration(0); passed < d; passed += expireEvery {
		b.pass(expireEvery)
		b.expireLeases(t)
	}
}

// expireEvery is how often a replica expires leases.
const expireEvery = 250 * time.Millisecond

// register registers an instance of the shop with a lease of 30 seconds.
func (b *bundle) register(t *testing.T, instance string) int64 {
	t.Helper()
	done, err := b.Register(t.Context(), fixture.Admin(), registration(instance))
	require.NoError(t, err)
	return int64(done.Instance.Epoch)
}

func registration(instance string) registryapp.Register {
	return registryapp.Register{
		ServiceName: shop, InstanceID: &instance, ServiceURL: new("http://" + instance + ".internal:8080"),
	}
}

// target names an instance of the shop.
func target(instance string) registryapp.Target {
	return registryapp.Target{ServiceName: shop, InstanceID: instance}
}

// service names the shop.
func service() registryapp.Deregister { return registryapp.Deregister{ServiceName: shop} }

func (b *bundle) heartbeat(t *testing.T, instance string, epoch int64) error {
	t.Helper()
	_, err := b.Heartbeat(t.Context(), fixture.Admin(), registryapp.Heartbeat{
		ServiceName: shop, InstanceID: instance, Epoch: epoch,
	})
	return err
}

// view returns the view of the shop.
func view(t *testing.T, s *registryapp.Service) *catalogue.View {
	t.Helper()
	v, err := s.Discover(fixture.Admin(), shop, "")
	require.NoError(t, err)
	return v
}

// ready returns the ids of those that discovery lists as ready.
func ready(t *testing.T, s *registryapp.Service) []string {
	t.Helper()
	ids := []string{}
	for _, i := range view(t, s).Select(catalogue.Selection{Ready: true}) {
		ids = append(ids, i.ID.String())
	}
	return ids
}

// instance returns an instance of the shop in its view, or nil.
func instance(t *testing.T, s *registryapp.Service, id string) *registry.Instance {
	t.Helper()
	for _, i := range view(t, s).Instances {
		if i.ID.String() == id {
			return i
		}
	}
	return nil
}

// events counts the events of each type after the first so many.
func (b *bundle) events(since int) map[string]int {
	counts := map[string]int{}
	for _, e := range b.store.Outbox()[since:] {
		counts[e.Type]++
	}
	return counts
}

// leaseServer is a lease store that can be unavailable, emptied, or fail a call.
type leaseServer struct {
	*localcache.Store
	down atomic.Bool
	// failExpire, failRemove and grantLost fail the next call of their kind.
	failExpire, failRemove, grantLost atomic.Bool
}

func (l *leaseServer) fails(lost *atomic.Bool) error {
	if l.down.Load() || lost != nil && lost.Swap(false) {
		return registry.ErrLeasesUnavailable
	}
	return nil
}

func (l *leaseServer) Grant(ctx context.Context, grants ...registry.Grant) error {
	if err := l.fails(&l.grantLost); err != nil {
		return err
	}
	return l.Store.Grant(ctx, grants...)
}

func (l *leaseServer) Renew(ctx context.Context, renewals ...registry.Renewal) ([]registry.Renewed, error) {
	if err := l.fails(nil); err != nil {
		return nil, err
	}
	return l.Store.Renew(ctx, renewals...)
}

func (l *leaseServer) Due(ctx context.Context, replica string, limit int) (registry.DueLeases, error) {
	if err := l.fails(nil); err != nil {
		return registry.DueLeases{}, err
	}
	return l.Store.Due(ctx, replica, limit)
}

func (l *leaseServer) Expire(ctx context.Context, leases ...registry.Lease) ([]bool, error) {
	if err := l.fails(&l.failExpire); err != nil {
		return nil, err
	}
	return l.Store.Expire(ctx, leases...)
}

func (l *leaseServer) Remove(ctx context.Context, leases ...registry.LeaseKey) error {
	if err := l.fails(&l.failRemove); err != nil {
		return err
	}
	return l.Store.Remove(ctx, leases...)
}

func (l *leaseServer) Instances(ctx context.Context, keys ...registry.Key) ([]registry.Reading, error) {
	if err := l.fails(nil); err != nil {
		return nil, err
	}
	return l.Store.Instances(ctx, keys...)
}

// prober returns the results that a test sets.
type prober struct {
	// answer returns whether the check of a host passes; nil passes them all.
	answer func(ctx context.Context, p health.Probe) bool
	// result returns the complete result, and has precedence where it is not nil.
	result func(p health.Probe) health.Result
}

func (p *prober) Probe(ctx context.Context, probe health.Probe) health.Result {
	if p.result != nil {
		return p.result(probe)
	}
	if p.answer == nil || p.answer(ctx, probe) {
		return health.Result{Code: 200, Latency: time.Millisecond}
	}
	return health.Result{Failed: health.Refused, Latency: time.Millisecond}
}
