package registryapp_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// ttl is that of every lease in a simulation; programs send three heartbeats in it.
const ttl = 30 * time.Second

// world is a registry with programs that send heartbeats, on a clock that only run
// advances.
type world struct {
	*bundle
	t        *testing.T
	random   *rand.Rand
	replicas []*registryapp.Service
	// stopped replicas serve no requests and expire no leases.
	stopped  map[int]bool
	programs []*program
	// least is the fewest that were listed as ready after a step, since it was reset.
	least int
}

// program is one instance's process.
type program struct {
	id    string
	epoch int64
	next  time.Duration
	// partitioned programs run without a connection; dead ones do not run.
	cut, dead bool
	// again counts its repeated registrations.
	again int
}

// simulate starts a world with that many replicas and programs. SIMULATION_SEED repeats
// one.
func simulate(t *testing.T, replicas, programs int) *world {
	t.Helper()
	seed, err := strconv.ParseUint(cmp.Or(os.Getenv("SIMULATION_SEED"), strconv.FormatUint(rand.Uint64(), 10)), 10, 64)
	require.NoError(t, err)
	t.Logf("SIMULATION_SEED=%d", seed)
	w := &world{bundle: empty(), t: t, random: rand.New(rand.NewPCG(seed, 1)), stopped: map[int]bool{}}
	for n := range replicas {
		w.start(n)
	}
	for n := range programs {
		w.programs = append(w.programs, &program{id: fmt.Sprintf("i-%03d", n)})
		w.launch(w.programs[n])
	}
	w.run(time.Minute)
	w.least = programs
	return w
}

// start starts or restarts a replica.
func (w *world) start(n int) {
	w.t.Helper()
	s := w.replica(w.t, "replica-"+strconv.Itoa(n))
	if n == len(w.replicas) {
		w.replicas = append(w.replicas, nil)
	}
	w.replicas[n] = s
	delete(w.stopped, n)
	require.NoError(w.t, s.Refresh(w.t.Context()))
}

// any returns a running replica, or nil.
func (w *world) any() *registryapp.Service {
	for _, n := range w.random.Perm(len(w.replicas)) {
		if !w.stopped[n] {
			return w.replicas[n]
		}
	}
	return nil
}

// launch registers a program, which sends heartbeats from a random time on.
func (w *world) launch(p *program) {
	w.t.Helper()
	done, err := w.any().Register(w.t.Context(), fixture.Admin(), registration(p.id))
	require.NoError(w.t, err)
	p.epoch = int64(done.Instance.Epoch)
	p.next = w.elapsed.Elapsed() + time.Duration(w.random.Int64N(int64(ttl/3)))
}

// run advances the time for all.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	for passed := time.Duration(0); passed < d; passed += expireEvery {
		w.step()
	}
}

func (w *world) step() {
	w.t.Helper()
	w.pass(expireEvery)
	for _, p := range w.programs {
		if now := w.elapsed.Elapsed(); !p.dead && !p.cut && p.next <= now {
			p.next = now + ttl/3
			w.live(p)
		}
	}
	for n, s := range w.replicas {
		if w.stopped[n] {
			continue
		}
		_ = s.Refresh(w.t.Context())
		for more := true; more; {
			more, _ = s.ExpireLeases(w.t.Context())
		}
		w.least = min(w.least, len(ready(w.t, s)))
	}
}

// live sends a heartbeat, and reacts to the response as a client does.
func (w *world) live(p *program) {
	w.t.Helper()
	s := w.any()
	if s == nil {
		return
	}
	_, err := s.Heartbeat(w.t.Context(), fixture.Admin(), registryapp.Heartbeat{
		ServiceName: shop, InstanceID: p.id, Epoch: p.epoch,
	})
	switch {
	case err == nil:
	case isAny(err, registry.ErrInstanceNotFound, registry.ErrNotFound, registry.ErrLeaseLost):
		p.again++
		w.launch(p)
	default:
		require.True(w.t, isAny(err, registry.ErrLeasesUnavailable, fault.ErrUnavailable), "heartbeat: %v", err)
	}
}

// each calls a function with some of the programs.
func each(programs []*program, do func(*program)) {
	for _, p := range programs {
		do(p)
	}
}

// requireAllReady asserts that all are passing and ready everywhere, that none is held, and
// that no program had to register again.
func (w *world) requireAllReady() {
	w.t.Helper()
	for _, s := range w.replicas {
		v := view(w.t, s)
		require.False(w.t, v.Protected)
		require.Len(w.t, v.Instances, len(w.programs))
		for _, i := range v.Instances {
			require.True(w.t, i.Ready() && !i.Held, "%s is %s", i.ID, i.Observed())
		}
	}
	for _, p := range w.programs {
		require.Zero(w.t, p.again, p.id)
	}
}

func TestSimulation(t *testing.T) {
	t.Parallel()
	const all, allowed = 500, 75

	t.Run("500 instances that are partitioned for three TTLs: none is removed", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 2, all)
		each(w.programs, func(p *program) { p.cut = true })
		w.run(3 * ttl)
		for _, s := range w.replicas {
			assert.True(t, view(t, s).Protected)
			assert.Len(t, ready(t, s), all, "all are listed, also as ready")
			for _, i := range view(t, s).Instances {
				require.Equal(t, health.Critical, i.Observed(), "each with its observed state")
			}
		}
		assert.GreaterOrEqual(t, w.least, all-allowed, "never more than the allowance was missing")
		each(w.programs, func(p *program) { p.cut = false })
		w.run(ttl)
		w.requireAllReady()
	})

	t.Run("a scale-down from 500 to 50 by deregistration starts no self-preservation", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 2, all)
		ended := w.programs[50:]
		w.programs = w.programs[:50]
		for n, p := range ended {
			require.NoError(t, w.any().DeregisterInstance(t.Context(), fixture.Admin(), target(p.id)))
			if n%10 == 0 {
				w.step()
				require.False(t, view(t, w.replicas[0]).Protected)
			}
		}
		w.step()
		assert.Len(t, ready(t, w.replicas[0]), 50)
		w.run(2 * ttl)
		w.requireAllReady()
		// The remaining instances have an allowance of their own number, though 500 were
		// alive just now.
		each(w.programs[:8], func(p *program) { p.dead = true })
		w.run(ttl + time.Second)
		assert.False(t, view(t, w.replicas[0]).Protected, "8 of 50 may expire")
		assert.Len(t, ready(t, w.replicas[0]), 42)
		w.run(registry.LeaveWindow)
		each(w.programs[8:20], func(p *program) { p.dead = true })
		w.run(ttl + time.Second)
		assert.True(t, view(t, w.replicas[0]).Protected, "12 may not")
		assert.Len(t, ready(t, w.replicas[0]), 42)
	})

	t.Run("450 instances that end at once: protection ends by itself", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 2, all)
		each(w.programs[50:], func(p *program) { p.dead = true })
		w.run(ttl + time.Minute)
		require.True(t, view(t, w.replicas[0]).Protected)
		require.Len(t, ready(t, w.replicas[0]), all)
		w.run(8 * time.Minute)
		require.Len(t, ready(t, w.replicas[0]), all, "nothing is removed meanwhile")
		w.run(10 * time.Minute)
		for _, s := range w.replicas {
			assert.False(t, view(t, s).Protected)
			assert.Len(t, ready(t, s), 50)
		}
		w.run(10 * time.Minute)
		assert.Len(t, view(t, w.replicas[0]).Instances, 50, "the dead are removed")
		w.programs = w.programs[:50]
		w.requireAllReady()
	})

	t.Run("a few instances that end expire within TTL and a second", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 2, 20)
		each(w.programs[:2], func(p *program) { p.dead = true })
		w.run(ttl + time.Second)
		assert.Len(t, ready(t, w.replicas[0]), 18)
		assert.Len(t, ready(t, w.replicas[1]), 18)
		assert.Equal(t, registry.ReasonLeaseExpired, instance(t, w.replicas[0], w.programs[0].id).Reason)
		w.programs[0].dead = false
		w.run(ttl)
		assert.Len(t, ready(t, w.replicas[1]), 19, "a late heartbeat with the same epoch restores the instance")
		assert.Zero(t, w.programs[0].again)
		w.run(10 * ttl)
		assert.Len(t, view(t, w.replicas[0]).Instances, 19, "the other one is removed")
		w.programs[1].dead = false
		w.run(ttl)
		assert.Equal(t, 1, w.programs[1].again, "it has to register again")
		assert.Equal(t, int64(21), w.programs[1].epoch, "under the next epoch of the service")
	})
}

func TestSimulationOfTime(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"forwards": time.Hour, "backwards": -time.Hour} {
		t.Run("a node's clock that jumps an hour "+name+" expires no lease", func(t *testing.T) {
			t.Parallel()
			w := simulate(t, 2, 60)
			before := len(w.store.Outbox())
			w.clock.Move(step)
			w.run(4 * ttl)
			assert.Empty(t, w.events(before))
			w.requireAllReady()
		})
		t.Run("a lease store's clock that jumps an hour "+name+" begins a grace", func(t *testing.T) {
			t.Parallel()
			w := simulate(t, 2, 60)
			before := len(w.store.Outbox())
			w.serverTime.Move(step)
			w.run(4 * ttl)
			assert.Empty(t, w.events(before))
			w.requireAllReady()
		})
	}

	for name, step := range map[string]time.Duration{
		"a second on": time.Second, "an hour on": time.Hour, "an hour back": -time.Hour,
	} {
		t.Run("a lease store's clock that jumps "+name+" delays the expiry of ended instances by one TTL at most", func(t *testing.T) {
			t.Parallel()
			w := simulate(t, 1, 20)
			w.programs[0].dead = true
			w.run(ttl - 12*time.Second)
			w.serverTime.Move(step)
			w.run(ttl - time.Second)
			assert.Len(t, ready(t, w.replicas[0]), 20)
			w.run(2 * time.Second)
			assert.Len(t, ready(t, w.replicas[0]), 19)
		})
	}
}

func TestSimulationOfFaults(t *testing.T) {
	t.Parallel()

	t.Run("a restarted registry has all instances, and expires none before a full TTL", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 1, 60)
		w.programs[0].dead = true
		w.stopped[0] = true
		w.run(5 * ttl)
		w.leases.Store = localcache.New(w.clock, w.serverTime, fixture.NewEpoch().Present)
		w.start(0)
		require.Len(t, ready(t, w.replicas[0]), 60, "before the first heartbeat")
		w.run(ttl - time.Second)
		assert.Len(t, ready(t, w.replicas[0]), 60)
		w.run(2 * time.Second)
		assert.Len(t, ready(t, w.replicas[0]), 59, "the ended one expires then")
		w.programs[0].dead = false
		w.run(ttl)
		w.requireAllReady()
	})

	t.Run("a lease store that is emptied is filled again", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 2, 60)
		before := len(w.store.Outbox())
		w.leases.Store = localcache.New(w.clock, w.serverTime, fixture.NewEpoch().Present)
		w.run(3 * ttl)
		assert.Empty(t, w.events(before))
		w.requireAllReady()
	})

	t.Run("while the lease store is unavailable no lease expires, nor for a full TTL after", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 2, 60)
		before := len(w.store.Outbox())
		w.leases.down.Store(true)
		w.run(4 * ttl)
		assert.Len(t, ready(t, w.replicas[0]), 60)
		assert.Greater(t, w.replicas[0].Staleness(), 3*ttl)
		w.leases.down.Store(false)
		w.run(2 * ttl)
		assert.Empty(t, w.events(before))
		assert.Zero(t, w.replicas[0].Staleness())
		w.requireAllReady()
	})

	t.Run("while the database is unavailable no lease expires, nor for a full TTL after", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 2, 60)
		w.programs[0].dead = true
		before := len(w.store.Outbox())
		w.store.Fail(fault.ErrUnavailable)
		w.run(4 * ttl)
		assert.Len(t, ready(t, w.replicas[1]), 60)
		w.store.Fail(nil)
		w.run(ttl - time.Second)
		assert.Empty(t, w.events(before))
		w.run(2 * time.Second)
		assert.Len(t, ready(t, w.replicas[1]), 59)
	})

	t.Run("a short outage delays the expiry of ended instances by one TTL at most", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 1, 20)
		w.programs[0].dead = true
		w.run(ttl - 12*time.Second)
		w.leases.down.Store(true)
		w.run(time.Second)
		w.leases.down.Store(false)
		w.run(ttl - time.Second)
		assert.Len(t, ready(t, w.replicas[0]), 20)
		w.run(2 * time.Second)
		assert.Len(t, ready(t, w.replicas[0]), 19)
	})

	t.Run("a pause of lease expiry expires no leases", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 1, 60)
		before := len(w.store.Outbox())
		for range 20 {
			w.pass(ttl + time.Second)
			_, err := w.replicas[0].ExpireLeases(t.Context())
			require.NoError(t, err)
			w.run(ttl / 2)
		}
		assert.Empty(t, w.events(before))
		w.requireAllReady()
	})

	t.Run("a newly elected replica expires no more instances than its predecessor", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 2, 100)
		each(w.programs[:12], func(p *program) { p.dead = true })
		w.run(ttl + time.Second)
		require.Len(t, ready(t, w.replicas[1]), 88)
		for n, s := range w.replicas {
			w.stopped[n] = s != w.replicas[1]
		}
		each(w.programs[12:20], func(p *program) { p.dead = true })
		w.run(ttl + 3*time.Second)
		assert.True(t, view(t, w.replicas[1]).Protected)
		assert.Len(t, ready(t, w.replicas[1]), 100, "all that expired within a minute are listed")
	})

	t.Run("another replica takes over from one that was killed", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 3, 20)
		for n := range 2 {
			w.stopped[n] = true
			w.programs[n].dead = true
			w.run(ttl + 3*time.Second)
			assert.NotContains(t, ready(t, w.replicas[2]), w.programs[n].id)
			w.run(registry.LeaveWindow)
		}
		assert.Len(t, ready(t, w.replicas[2]), 18)
	})
}

// isAny reports whether err is one of those.
func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}
