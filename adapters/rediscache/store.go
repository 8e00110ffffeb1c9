package rediscache

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// How long Redis may take.
const (
	dialTimeout    = 500 * time.Millisecond
	defaultTimeout = time.Second
)

// Options says which Redis to use.
type Options struct {
	// Address is "host:port".
	Address  string
	Password secret.Text
	// Prefix stands before every key; it tells users of one Redis apart.
	Prefix string
	// Timeout bounds each call; a second by default.
	Timeout time.Duration
	// Epoch is that of the feed. A Cache needs none: each entry names its own.
	Epoch ports.Epoch
	// Replaced is called with each key whose value was of another kind than it has to
	// be, and was replaced; nil for nobody. It must not wait.
	Replaced func(key string)
}

// Store is a Redis. It is safe for concurrent use.
type Store struct {
	client  *redis.Client
	prefix  string
	timeout time.Duration
	scripts scripts
	batches batches
	tell    func(key string)
	readers readers
	epoch   ports.Epoch
	// present are the keys of the epoch that was last asked for.
	present     atomic.Pointer[space]
	others      others
	lastRefusal lastRefusal
}

// silent keeps the client from writing to standard error by itself: what fails is
// returned, and told by whoever asked.
type silent struct{}

// Printf writes nothing.
func (silent) Printf(context.Context, string, ...any) {}

// Open returns the store at an address. It connects when it is used.
func Open(o Options) *Store {
	redis.SetLogger(silent{})
	timeout := cmp.Or(o.Timeout, defaultTimeout)
	s := &Store{
		prefix: o.Prefix, timeout: timeout, scripts: newScripts(), client: newClient(o, dialTimeout, timeout),
		tell: o.Replaced, epoch: o.Epoch, others: others{seen: map[string]sighting{}},
		readers: readers{outdated: map[registry.Key]struct{}{}},
	}
	s.batches.run = s.renewAll
	return s
}

// newClient returns a client that makes no call twice: one that failed is made again
// by whoever needs it.
func newClient(o Options, dial, call time.Duration) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: o.Address, Password: o.Password.Reveal(),
		DialTimeout: dial, ReadTimeout: call, WriteTimeout: call, PoolTimeout: call,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// Conditions returns what an operator has to know of this Redis.
func (s *Store) Conditions() []ports.Condition {
	return slices.Concat(s.lastRefusal.conditions(), s.others.conditions(), s.readers.conditions())
}

// Ping returns nil if Redis answers, else registry.ErrLeasesUnavailable.
func (s *Store) Ping(ctx context.Context) error {
	return translate(s.client.Ping(ctx).Err(), "ping Redis")
}

// Close waits for what is under way, publishes what is not yet published, and closes
// the connections.
func (s *Store) Close() error {
	s.batches.running.Wait()
	s.publishLast()
	return translate(s.client.Close(), "close Redis")
}

// call is one run of a script.
type call struct {
	script *script
	keys   []string
	args   []any
}

// runAll runs scripts in one pipeline, and returns what became of each of them: the
// failure of one is its own. What fails for a reason that can be mended is run again:
// once for a script that was not loaded, and once for a key of another kind.
func (s *Store) runAll(ctx context.Context, calls []call) []*redis.Cmd {
	const mendable = 2
	results := s.pipeline(ctx, calls)
	for range mendable {
		again := s.mend(ctx, calls, results)
		if len(again) == 0 {
			break
		}
		repeated := make([]call, len(again))
		for n, i := range again {
			repeated[n] = calls[i]
		}
		for n, r := range s.pipeline(ctx, repeated) {
			results[again[n]] = r
		}
	}
	return results
}

// mend loads scripts that Redis does not know yet, and deletes keys of ours that are of
// another kind. It returns which calls to run again.
func (s *Store) mend(ctx context.Context, calls []call, results []*redis.Cmd) (again []int) {
	loaded := map[*script]bool{}
	for i, r := range results {
		err := r.Err()
		switch c := &calls[i]; {
		case err == nil:
		case redis.HasErrorPrefix(err, "NOSCRIPT"):
			if !loaded[c.script] {
				// Where it cannot be loaded, running it says why.
				_ = c.script.Load(ctx, s.client).Err()
				loaded[c.script] = true
			}
			again = append(again, i)
		case answered(err, "WRONGTYPE"):
			s.repair(ctx, c)
			again = append(again, i)
		}
	}
	return again
}

// pipeline runs scripts in one round trip.
func (s *Store) pipeline(ctx context.Context, calls []call) []*redis.Cmd {
	results := make([]*redis.Cmd, len(calls))
	if len(calls) == 1 {
		results[0] = calls[0].script.EvalSha(ctx, s.client, calls[0].keys, calls[0].args...)
		return results
	}
	pipe := s.client.Pipeline()
	for i, c := range calls {
		results[i] = c.script.EvalSha(ctx, pipe, c.keys, c.args...)
	}
	// Each result has its own error.
	_, _ = pipe.Exec(ctx)
	return results
}

// repair deletes those of a call's keys that are of another kind than they have to be.
func (s *Store) repair(ctx context.Context, broken *call) {
	kinds := make([]any, len(broken.script.kinds))
	for i, kind := range broken.script.kinds {
		kinds[i] = kind
	}
	keys := append([]string{s.present.Load().sweeper()}, broken.keys[:len(kinds)]...)
	// Where it fails the call fails again, and says why.
	deleted, _ := s.scripts.repair.Run(ctx, s.client, keys, kinds...).Int64Slice()

	for _, position := range deleted {
		s.replaced(broken.keys[position-1])
	}
}

// replaced tells that the value of a key was of another kind.
func (s *Store) replaced(key string) {
	if s.tell != nil {
		s.tell(key)
	}
}

// firstError returns the first failure among results.
func firstError(results []*redis.Cmd) error {
	for _, r := range results {
		if err := r.Err(); err != nil {
			return err
		}
	}
	return nil
}

// batches puts renewals that come at the same time into one pipeline.
type batches struct {
	run     func([]registry.Renewal) []registry.Renewed
	mu      sync.Mutex
	waiting []*request
	// flying counts the pipelines that are under way.
	flying  int
	running sync.WaitGroup
}

// maxFlying is how many pipelines may be under way.
const maxFlying = 2

// request is renewals that somebody waits for.
type request struct {
	renewals []registry.Renewal
	renewed  []registry.Renewed
	done     chan struct{}
}

// do runs renewals together with what else is waiting, and returns what became of
// them, or ctx's error when that ends first.
func (b *batches) do(ctx context.Context, renewals []registry.Renewal) ([]registry.Renewed, error) {
	r := &request{renewals: renewals, done: make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, r)
	fly := b.flying < maxFlying
	if fly {
		b.flying++
		b.running.Add(1)
	}
	b.mu.Unlock()
	if fly {
		go b.fly()
	}
	select {
	case <-r.done:
		return r.renewed, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// fly runs what waits until nothing does.
func (b *batches) fly() {
	defer b.running.Done()
	for {
		b.mu.Lock()
		taken := b.waiting
		b.waiting = nil
		if len(taken) == 0 {
			b.flying--
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		b.serve(taken)
	}
}

func (b *batches) serve(taken []*request) {
	renewals := taken[0].renewals
	for _, r := range taken[1:] {
		renewals = append(slices.Clip(renewals), r.renewals...)
	}
	renewed := b.run(renewals)
	for _, r := range taken {
		r.renewed, renewed = renewed[:len(r.renewals):len(r.renewals)], renewed[len(r.renewals):]
		close(r.done)
	}
}
