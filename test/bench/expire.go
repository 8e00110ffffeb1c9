package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Numbers of instances, and the pace of heartbeats.
const (
	ending = 10_000
	// Timed heartbeats have a pace, so that they show the latency and not the throughput.
	beatEvery = 500 * time.Microsecond
)

// instances are the registry's use cases in this process, over SQLite and a lease store in
// process.
type instances struct {
	*registryapp.Service
	store *bunstore.Store
}

func everyone() access.Caller { return access.Caller{Grants: access.Unrestricted()} }

// openRegistry opens a registry in a folder of its own.
func (b *bench) openRegistry(ctx context.Context) (*instances, error) {
	dir, err := b.folder()
	if err != nil {
		return nil, err
	}
	store, err := bunstore.OpenSQLite(ctx, filepath.Join(dir, "registry.db"), bunstore.Options{IDs: system.NewIDs()})
	if err != nil {
		return nil, fmt.Errorf("open a store: %w", err)
	}
	environments, err := scope.NewEnvironments(environment)
	if err != nil {
		return nil, fmt.Errorf("parse the environment: %w", err)
	}
	if _, err := store.Migrate(ctx); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	services := registrystore.New(store)
	clock, stopwatch := system.NewClock(), system.NewStopwatch()
	leases := localcache.New(clock, stopwatch, func() string { return "0123456789abcdef" })
	r := &instances{store: store, Service: registryapp.New(registryapp.Dependencies{
		Services: services, History: services, Source: services,
		Leases: leases, Readings: leases, Members: leases, Clock: clock, Stopwatch: stopwatch,
		Backoff: system.NewBackoff(), Environments: environments, DefaultEnvironment: environment, Replica: "bench",
	})}
	return r, r.Refresh(ctx)
}

// register registers that many instances of a service.
func (r *instances) register(ctx context.Context, service string, n, ttlSeconds int) error {
	for i := range n {
		_, err := r.Register(ctx, everyone(), registryapp.Register{
			ServiceName: service, InstanceID: new(fmt.Sprintf("i-%05d", i)),
			ServiceURL: new(fmt.Sprintf("http://10.0.%d.%d:8080", i/250, i%250)), Zone: new("eu-1"), Version: new("2.4.1"),
			Tags: &[]string{"canary", "blue"}, Metadata: []byte(`{"team":"payments","metrics_path":"/metrics"}`),
			TTLSeconds: &ttlSeconds,
		})
		if err != nil {
			return fmt.Errorf("register: %w", err)
		}
	}
	return nil
}

// expirePause measures the longest step of the expiry while the leases of 10,000 instances
// of one service end within a second.
func expirePause(ctx context.Context, b *bench) (outcome, error) {
	var longest time.Duration
	for range b.rounds {
		pause, err := b.expire(ctx)
		if err != nil {
			return outcome{}, err
		}
		longest = max(longest, pause)
	}
	return outcome{value: longest.Seconds() * 1e3}, nil
}

func (b *bench) expire(ctx context.Context) (longest time.Duration, err error) {
	const ttl = 3
	r, err := b.openRegistry(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.store.Close() }()
	if err := r.register(ctx, "ending", ending, ttl); err != nil {
		return 0, err
	}
	// The first step restarts all leases, so that they end together.
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for expired := 0; expired < ending; <-tick.C {
		pause, err := r.sweepAll(ctx)
		if err != nil {
			return 0, err
		}
		longest = max(longest, pause)
		view, err := r.Discover(everyone(), "ending", "")
		if err != nil {
			return 0, fmt.Errorf("discover: %w", err)
		}
		expired = ending - len(slices.DeleteFunc(view.Select(catalogue.Selection{}), func(i *registry.Instance) bool {
			return i.Expired
		}))
	}
	return longest, nil
}

// sweepEvery is the interval of the expiry in the service.
const sweepEvery = 250 * time.Millisecond

// sweepAll makes steps until there is nothing more to do, and returns the longest duration
// of one.
func (r *instances) sweepAll(ctx context.Context) (longest time.Duration, err error) {
	for more := true; more; {
		began := time.Now()
		if more, err = r.ExpireLeases(ctx); err != nil {
			return 0, fmt.Errorf("expire leases: %w", err)
		}
		longest = max(longest, time.Since(began))
	}
	return longest, nil
}

// expireHeartbeats returns a row that measures the 99th percentile of heartbeats while the
// leases of 10,000 others end within a second, against that of the seconds before: one
// after the other at a pace, or as fast as possible.
func expireHeartbeats(beat beating) func(context.Context, *bench) (outcome, error) {
	return func(ctx context.Context, b *bench) (outcome, error) { return b.beatWhileEndings(ctx, beat) }
}

// beating sends heartbeats until the end, and returns the 99th percentile of their
// latency.
type beating func(ctx context.Context, s *service, end time.Time) (time.Duration, error)

func (b *bench) beatWhileEndings(ctx context.Context, beat beating) (outcome, error) {
	var befores, meanwhiles []float64
	for range b.rounds {
		before, meanwhile, err := b.beatWhileEnding(ctx, beat)
		if err != nil {
			return outcome{}, err
		}
		befores = append(befores, before.Seconds()*1e6)
		meanwhiles = append(meanwhiles, meanwhile.Seconds()*1e6)
	}
	before, meanwhile := median(befores), median(meanwhiles)
	ratio := before / meanwhile
	return outcome{value: meanwhile, ceiling: &before, ratio: &ratio}, nil
}

func (b *bench) beatWhileEnding(ctx context.Context, beat beating) (before, meanwhile time.Duration, err error) {
	const ttl = 8
	dir, err := b.folder()
	if err != nil {
		return 0, 0, err
	}
	database := sqliteURL(filepath.Join(dir, "ending.db"))
	if err := b.registerEnding(ctx, database, ttl); err != nil {
		return 0, 0, err
	}
	// The start of the service restarts all leases, so that they end together.
	s, err := b.serve(ctx, database)
	if err != nil {
		return 0, 0, err
	}
	started := time.Now()
	if before, err = beat(ctx, s, started.Add((ttl-2)*time.Second)); err != nil {
		return 0, 0, err
	}
	pause := time.NewTimer(time.Until(started.Add(ttl * time.Second)))
	defer pause.Stop()
	<-pause.C
	if meanwhile, err = beat(ctx, s, started.Add((ttl+5)*time.Second)); err != nil {
		return 0, 0, err
	}
	if err := s.requireEnded(ctx); err != nil {
		return 0, 0, err
	}
	return before, meanwhile, s.stop()
}

// requireEnded checks that the leases ended while heartbeats were timed.
func (s *service) requireEnded(ctx context.Context) error {
	listed, err := s.call(ctx, http.MethodGet, "/api/v1/registry/ending", "", http.StatusOK)
	if err != nil {
		return err
	}
	if n := bytes.Count(listed.Body, []byte(`"observed":"critical"`)); n < ending {
		return fmt.Errorf("only %d of %d leases have ended by now", n, ending)
	}
	return nil
}

// registerEnding registers the instances in a database.
func (b *bench) registerEnding(ctx context.Context, database string, ttl int) error {
	s, err := b.serve(ctx, database)
	if err != nil {
		return err
	}
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i := range ending {
		group.Go(func() error {
			body := fmt.Sprintf(`{"service_name":"ending","instance_id":"i-%05d","service_url":"http://10.0.%d.%d:8080",`+
				`"ttl_seconds":%d,"deregister_after_seconds":600}`, i, i/250, i%250, ttl)
			_, err := s.call(working, http.MethodPost, registerPath, body, http.StatusCreated)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	if _, err := registered("beating", 1)(ctx, s); err != nil {
		return err
	}
	return s.stop()
}

// atPace sends one heartbeat after the other, at a pace.
func atPace(ctx context.Context, s *service, end time.Time) (time.Duration, error) {
	pace := time.NewTicker(beatEvery)
	defer pace.Stop()
	took, err := s.beatUntil(ctx, end, func() { <-pace.C })
	return percentile99(took), err
}

// atOnce sends heartbeats over as many connections as the other rows, as fast as possible.
func atOnce(ctx context.Context, s *service, end time.Time) (time.Duration, error) {
	group, working := errgroup.WithContext(ctx)
	lists := make([][]time.Duration, writers)
	for i := range lists {
		group.Go(func() (err error) {
			lists[i], err = s.beatUntil(working, end, func() {})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("send heartbeats: %w", err)
	}
	return percentile99(slices.Concat(lists...)), nil
}

// beatUntil renews a lease over one connection, and returns the latencies.
func (s *service) beatUntil(ctx context.Context, end time.Time, rest func()) ([]time.Duration, error) {
	c, err := dial(ctx, s.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	request := heartbeatRace("beating").request(s.key, nil)
	var took []time.Duration
	for time.Now().Before(end) {
		began := time.Now()
		if err := c.exchange(request, http.StatusOK); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		rest()
	}
	return took, nil
}

func percentile99(took []time.Duration) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// registryMemory measures the memory of 10,000 instances, with their leases and the
// catalogue of discovery.
func registryMemory(ctx context.Context, b *bench) (outcome, error) {
	first, err := b.openRegistry(ctx)
	if err != nil {
		return outcome{}, err
	}
	defer func() { _ = first.store.Close() }()
	before := heap()
	if err := first.register(ctx, "memory", ending, 30); err != nil {
		return outcome{}, err
	}
	if _, err := first.ExpireLeases(ctx); err != nil {
		return outcome{}, fmt.Errorf("expire leases: %w", err)
	}
	view, err := first.Discover(everyone(), "memory", "")
	if err != nil {
		return outcome{}, fmt.Errorf("discover: %w", err)
	}
	held := heap() - before
	runtime.KeepAlive(view)
	runtime.KeepAlive(first)
	return outcome{value: float64(held) / (1 << 20)}, nil
}
