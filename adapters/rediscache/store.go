package rediscache

import (
	"cmp"
	"context"
	"crypto/tls"
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
	// DefaultEntryTTL is that of Options.EntryTTL.
	defaultEntryTTL = time.Hour
)

// Options selects a Redis.
type Options struct {
	// Address is "host:port".
	Address string
	// Username is a user of Redis' access control lists; "" is the default user.
	Username string
	Password secret.Text
	// TLS is the configuration of connections by TLS; nil is none. The server's certificate
	// is for the host in Address.
	TLS *tls.Config
	// Prefix begins every key; it separates users of one Redis.
	Prefix string
	// Timeout bounds each call; a second by default.
	Timeout time.Duration
	// EntryTTL is the lifetime of instances that were published before their service; an
	// hour by default.
	EntryTTL time.Duration
	// Epoch returns the epoch of the feed. A Cache needs none: each entry has its own.
	Epoch ports.Epoch
	// Replaced is called with each key whose value had the wrong type and was replaced; it
	// may be nil, and must not block.
	Replaced func(key string)
}

// Store stores leases, readings and members. It is safe for concurrent use.
type Store struct {
	client     *redis.Client
	prefix     string
	timeout    time.Duration
	scripts    scripts
	batches    batches
	onReplaced func(key string)
	projection projection
	epoch      ports.Epoch
	entryTTL   time.Duration
	// current is the key space of the last epoch.
	current     atomic.Pointer[space]
	others      others
	lastRefusal lastRefusal
}

// silent stops the client from writing to standard error: failures are returned to
// callers, which log them.
type silent struct{}

// Printf writes nothing.
func (silent) Printf(context.Context, string, ...any) {}

// Open returns the store at an address. It connects when it is used.
func Open(o Options) *Store {
	redis.SetLogger(silent{})
	timeout := cmp.Or(o.Timeout, defaultTimeout)
	s := &Store{
		prefix: o.Prefix, timeout: timeout, scripts: newScripts(), client: newClient(o, dialTimeout, timeout),
		onReplaced: o.Replaced, epoch: o.Epoch, entryTTL: cmp.Or(o.EntryTTL, defaultEntryTTL),
		others:     others{seen: map[string]sighting{}},
		projection: projection{outdated: map[registry.Key]struct{}{}},
	}
	s.batches.run = s.renewAll
	return s
}

// newClient returns a client without retries: callers repeat failed calls.
func newClient(o Options, dial, call time.Duration) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: o.Address, Username: o.Username, Password: o.Password.Reveal(), TLSConfig: o.TLS,
		DialTimeout: dial, ReadTimeout: call, WriteTimeout: call, PoolTimeout: call,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// Conditions returns the problems of this Redis.
func (s *Store) Conditions() []ports.Condition {
	return slices.Concat(s.lastRefusal.conditions(), s.others.conditions(), s.projection.conditions())
}

// Ping returns nil if Redis replies, else registry.ErrLeasesUnavailable.
func (s *Store) Ping(ctx context.Context) error {
	return translate(s.client.Ping(ctx).Err(), "ping Redis")
}

// Close waits for in-flight renewals, publishes outdated instances, and closes the
// connections.
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

// runAll runs scripts in one pipeline, and returns a result for each: the failure of one
// fails no other. Calls that failed for a reason that can be repaired are run again: once
// for a script that was not loaded, and once for a key of the wrong type.
func (s *Store) runAll(ctx context.Context, calls []call) []*redis.Cmd {
	const repairs = 2
	results := s.pipeline(ctx, calls)
	for range repairs {
		retry := s.prepareRetry(ctx, calls, results)
		if len(retry) == 0 {
			break
		}
		repeated := make([]call, len(retry))
		for n, i := range retry {
			repeated[n] = calls[i]
		}
		for n, r := range s.pipeline(ctx, repeated) {
			results[retry[n]] = r
		}
	}
	return results
}

// prepareRetry loads missing scripts, and deletes own keys of the wrong type. It returns
// the calls to run again.
func (s *Store) prepareRetry(ctx context.Context, calls []call, results []*redis.Cmd) (retry []int) {
	loaded := map[*script]bool{}
	for i, r := range results {
		err := r.Err()
		switch c := &calls[i]; {
		case err == nil:
		case redis.HasErrorPrefix(err, "NOSCRIPT"):
			if !loaded[c.script] {
				// A failure is reported by the next run.
				_ = c.script.Load(ctx, s.client).Err()
				loaded[c.script] = true
			}
			retry = append(retry, i)
		case hasCode(err, "WRONGTYPE"):
			s.repair(ctx, c)
			retry = append(retry, i)
		}
	}
	return retry
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

// repair deletes the keys of a call that have the wrong type.
func (s *Store) repair(ctx context.Context, broken *call) {
	types := make([]any, len(broken.script.types))
	for i, typ := range broken.script.types {
		types[i] = typ
	}
	keys := append([]string{s.current.Load().election()}, broken.keys[:len(types)]...)
	// After a failure the call fails again, and reports it.
	deleted, _ := s.scripts.repair.Run(ctx, s.client, keys, types...).Int64Slice()

	for _, position := range deleted {
		s.replaced(broken.keys[position-1])
	}
}

// replaced reports that the value of a key had the wrong type.
func (s *Store) replaced(key string) {
	if s.onReplaced != nil {
		s.onReplaced(key)
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

// batches runs concurrent renewals in one pipeline.
type batches struct {
	run     func([]registry.Renewal) []registry.Renewed
	mu      sync.Mutex
	waiting []*request
	// inFlight counts the pipelines in flight.
	inFlight int
	running  sync.WaitGroup
}

// maxInFlight bounds the pipelines in flight.
const maxInFlight = 2

// request is the renewals of one caller.
type request struct {
	renewals []registry.Renewal
	renewed  []registry.Renewed
	done     chan struct{}
}

// do runs renewals together with those of other waiting callers, and returns their
// results, or ctx's error when that ends first.
func (b *batches) do(ctx context.Context, renewals []registry.Renewal) ([]registry.Renewed, error) {
	r := &request{renewals: renewals, done: make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, r)
	start := b.inFlight < maxInFlight
	if start {
		b.inFlight++
		b.running.Add(1)
	}
	b.mu.Unlock()
	if start {
		go b.drain()
	}
	select {
	case <-r.done:
		return r.renewed, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// drain runs waiting requests until there are none.
func (b *batches) drain() {
	defer b.running.Done()
	for {
		b.mu.Lock()
		requests := b.waiting
		b.waiting = nil
		if len(requests) == 0 {
			b.inFlight--
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		b.serve(requests)
	}
}

func (b *batches) serve(requests []*request) {
	renewals := requests[0].renewals
	for _, r := range requests[1:] {
		renewals = append(slices.Clip(renewals), r.renewals...)
	}
	renewed := b.run(renewals)
	for _, r := range requests {
		r.renewed, renewed = renewed[:len(r.renewals):len(r.renewals)], renewed[len(r.renewals):]
		close(r.done)
	}
}
