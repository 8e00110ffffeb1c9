package rediscache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/secret"
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
}

// Store is a Redis. It is safe for concurrent use.
type Store struct {
	client  *redis.Client
	prefix  string
	timeout time.Duration
	scripts scripts
	batches batches
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

// Ping returns nil if Redis answers, else registry.ErrLeasesUnavailable.
func (s *Store) Ping(ctx context.Context) error {
	return translate(s.client.Ping(ctx).Err(), "ping Redis")
}

// Close waits for what is under way and closes the connections.
func (s *Store) Close() error {
	s.batches.running.Wait()
	return translate(s.client.Close(), "close Redis")
}

// translate turns whatever goes wrong with Redis into one failure. A caller who
// has gone away is told so.
func translate(err error, doing string) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, context.Canceled) {
		return wrapped
	}
	return registry.ErrLeasesUnavailable.WithCause(wrapped)
}

// call is one run of a script.
type call struct {
	script *redis.Script
	keys   []string
	args   []any
}

// runAll runs scripts in one pipeline, and returns what each of them returned. A
// script that Redis does not know yet is loaded, and run again alone.
func (s *Store) runAll(ctx context.Context, calls []call) ([]*redis.Cmd, error) {
	results, err := s.pipeline(ctx, calls)
	if err != nil && !redis.HasErrorPrefix(err, "NOSCRIPT") {
		return nil, err
	}
	loaded := map[*redis.Script]bool{}
	for i, c := range calls {
		switch err := results[i].Err(); {
		case err == nil:
		case !redis.HasErrorPrefix(err, "NOSCRIPT"):
			return nil, err
		default:
			if !loaded[c.script] {
				if err := c.script.Load(ctx, s.client).Err(); err != nil {
					return nil, err
				}
				loaded[c.script] = true
			}
			results[i] = c.script.EvalSha(ctx, s.client, c.keys, c.args...)
			if err := results[i].Err(); err != nil {
				return nil, err
			}
		}
	}
	return results, nil
}

func (s *Store) pipeline(ctx context.Context, calls []call) ([]*redis.Cmd, error) {
	if len(calls) == 1 {
		r := calls[0].script.EvalSha(ctx, s.client, calls[0].keys, calls[0].args...)
		return []*redis.Cmd{r}, r.Err()
	}
	pipe := s.client.Pipeline()
	results := make([]*redis.Cmd, len(calls))
	for i, c := range calls {
		results[i] = c.script.EvalSha(ctx, pipe, c.keys, c.args...)
	}
	_, err := pipe.Exec(ctx)
	return results, err
}

// batches puts renewals that come at the same time into one pipeline.
type batches struct {
	run     func([]registry.Renewal) ([]registry.Renewed, error)
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
	err      error
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
		return r.renewed, r.err
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
	renewed, err := b.run(renewals)
	for _, r := range taken {
		if r.err = err; err == nil {
			r.renewed, renewed = renewed[:len(r.renewals)], renewed[len(r.renewals):]
		}
		close(r.done)
	}
}
