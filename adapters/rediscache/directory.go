package rediscache

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// readers are those who read Redis themselves. What they see is a projection: it is
// written beside leases and never with them, so that no lease depends on it.
type readers struct {
	mu sync.Mutex
	// outdated are the instances to be published; unpublished and unshown are why the
	// last attempt failed, nil where it went well.
	outdated             map[registry.Key]struct{}
	unpublished, unshown error
}

const (
	// MaxOutdated bounds the instances that wait to be published. More are passed over:
	// the next heartbeat, or the next round of the sweeper, brings them back.
	maxOutdated = 1 << 15
	// PublishBatch bounds the instances that one step publishes, publishChunk those of
	// one script.
	publishBatch = 2000
	publishChunk = 100
)

// publish has instances be published soon.
func publish[T any](r *readers, of []T, key func(*T) registry.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range of {
		if len(r.outdated) >= maxOutdated {
			return
		}
		r.outdated[key(&of[i])] = struct{}{}
	}
}

// take returns instances to be published, by service, and whether there are more.
func (r *readers) take() (taken map[scope.ServiceName][]registry.Key, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken = map[scope.ServiceName][]registry.Key{}
	n := 0
	for k := range r.outdated {
		if n++; n > publishBatch {
			break
		}
		taken[k.Service] = append(taken[k.Service], k)
		delete(r.outdated, k)
	}
	return taken, len(r.outdated) > 0
}

// Publish writes instances that have changed since they were published, for those who
// read Redis, and reports whether more are waiting. What fails is tried again by the
// next call. Before the epoch is known it does nothing.
func (s *Store) Publish(ctx context.Context) (more bool, err error) {
	if s.epoch() == "" {
		return false, nil
	}
	space, err := s.space()
	if err != nil {
		return false, err
	}
	taken, more := s.readers.take()
	var calls []call
	var chunks [][]registry.Key
	for service, keys := range taken {
		for chunk := range slices.Chunk(keys, publishChunk) {
			calls, chunks = append(calls, s.publication(space, service, chunk)), append(chunks, chunk)
		}
	}
	if len(calls) == 0 {
		return false, nil
	}
	results := s.runAll(ctx, calls)
	for i, r := range results {
		if r.Err() != nil {
			publish(&s.readers, chunks[i], func(k *registry.Key) registry.Key { return *k })
		} else if r.Val() == int64(1) {
			s.replaced(calls[i].keys[0])
		}
	}
	err = translate(firstError(results), "publish instances")
	s.readers.note(&s.readers.unpublished, err)
	return more && err == nil, err
}

// publication publishes instances of one service.
func (s *Store) publication(space *space, service scope.ServiceName, instances []registry.Key) call {
	name := service.String()
	c := call{
		script: s.scripts.publish, keys: []string{s.instances(name), space.homes(name)},
		args: []any{space.leasesOf(name)},
	}
	for _, k := range instances {
		c.args = append(c.args, k.Environment.String(), k.Instance.String())
	}
	return c
}

// publishLast publishes what is left when the store closes.
func (s *Store) publishLast() {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	for more := true; more; {
		// What is not published now is found missing by the next sweeper.
		more, _ = s.Publish(ctx)
	}
}

func (s *Store) instances(service string) string {
	return s.prefix + "service:" + service + ":instances"
}

// Show makes the entries what readers of Redis see.
func (s *Store) PutServices(ctx context.Context, ttl time.Duration, entries ...registry.Entry) (again bool, err error) {
	space, err := s.space()
	if err != nil {
		return false, err
	}
	calls := make([]call, len(entries))
	for i, e := range entries {
		calls[i] = call{
			script: s.scripts.show,
			keys: []string{
				space.shown(), s.prefix + "service_info:" + e.Name,
				s.prefix + "service:" + e.Name + ":active", s.prefix + "healthy_services", s.instances(e.Name),
				space.homes(e.Name),
			},
			args: []any{
				e.Name, e.Version, ttl.Milliseconds(), string(e.Info), bit(e.Active), bit(e.Healthy),
				space.leasesOf(e.Name), e.ID,
			},
		}
	}
	results := s.runAll(ctx, calls)
	var failures []error
	for i, r := range results {
		lost, err := s.shown(&calls[i], r)
		again = again || lost
		failures = append(failures, err)
	}
	err = translate(errors.Join(failures...), "show services")
	if len(calls) > 0 {
		s.readers.note(&s.readers.unshown, err)
	}
	return again, err
}

// shown returns whether Redis has lost what it showed of others.
func (s *Store) shown(c *call, r *redis.Cmd) (lost bool, err error) {
	answer, err := r.Int64Slice()
	if err != nil {
		return false, err
	}
	if len(answer) != 2 || answer[1] < 0 || int(answer[1]) > len(c.keys) {
		return false, errAnswer
	}
	if answer[1] > 0 {
		s.replaced(c.keys[answer[1]-1])
	}
	return answer[0] == 1, nil
}

func (r *readers) note(of *error, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*of = err
}

// conditions returns that readers of Redis do not see what is.
func (r *readers) conditions() []ports.Condition {
	r.mu.Lock()
	defer r.mu.Unlock()
	why := errors.Join(r.unshown, r.unpublished)
	if why == nil {
		return nil
	}
	message := "Programs that read the registry from Redis see old data; leases and discovery are not concerned."
	if refused := refusal(why); refused != nil {
		message += " " + refused.Error() + "."
	}
	return []ports.Condition{{Name: "redis_projection_failed", Message: message, Count: int64(len(r.outdated))}}
}
