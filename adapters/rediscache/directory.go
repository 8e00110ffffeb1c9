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

// projection is the data of instances and services for direct readers of Redis. It is
// written separately from leases, so that no lease depends on it.
type projection struct {
	mu sync.Mutex
	// outdated are the instances to be published.
	outdated map[registry.Key]struct{}
	// instancesErr and servicesErr are the failures of the last attempts; nil for none.
	instancesErr, servicesErr error
}

const (
	// MaxOutdated bounds the instances that wait to be published. More are skipped: the
	// next heartbeat, or the next round of granting missing leases, adds them again.
	maxOutdated = 1 << 15
	// PublishBatch bounds the instances that one step publishes, publishChunk those of
	// one script.
	publishBatch = 2000
	publishChunk = 100
)

// markOutdated makes the next Publish publish instances.
func markOutdated[T any](p *projection, of []T, key func(*T) registry.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range of {
		if len(p.outdated) >= maxOutdated {
			return
		}
		p.outdated[key(&of[i])] = struct{}{}
	}
}

// take returns instances to be published, by service, and whether there are more.
func (p *projection) take() (taken map[scope.ServiceName][]registry.Key, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken = map[scope.ServiceName][]registry.Key{}
	n := 0
	for k := range p.outdated {
		if n++; n > publishBatch {
			break
		}
		taken[k.Service] = append(taken[k.Service], k)
		delete(p.outdated, k)
	}
	return taken, len(p.outdated) > 0
}

// Publish writes outdated instances to the projection, and reports whether there are
// more. The next call repeats failed ones. Before the epoch is known it does nothing.
func (s *Store) Publish(ctx context.Context) (more bool, err error) {
	if s.epoch() == "" {
		return false, nil
	}
	space, err := s.space()
	if err != nil {
		return false, err
	}
	taken, more := s.projection.take()
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
			markOutdated(&s.projection, chunks[i], func(k *registry.Key) registry.Key { return *k })
		} else if r.Val() == int64(1) {
			s.replaced(calls[i].keys[0])
		}
	}
	err = translate(firstError(results), "publish instances")
	s.projection.record(&s.projection.instancesErr, err)
	return more && err == nil, err
}

// publication is the call that publishes instances of one service.
func (s *Store) publication(space *space, service scope.ServiceName, instances []registry.Key) call {
	name := service.String()
	c := call{
		script: s.scripts.publish, keys: []string{s.instances(name), space.environments(name)},
		args: []any{space.leasesOf(name), s.entryTTL.Milliseconds()},
	}
	for _, k := range instances {
		c.args = append(c.args, k.Environment.String(), k.Instance.String())
	}
	return c
}

// publishLast publishes the remaining instances when the store closes.
func (s *Store) publishLast() {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	for more := true; more; {
		// Another replica publishes what fails, when it grants missing leases.
		more, _ = s.Publish(ctx)
	}
}

func (s *Store) instances(service string) string {
	return s.prefix + "service:" + service + ":instances"
}

// PutServices puts entries into the directory.
func (s *Store) PutServices(ctx context.Context, ttl time.Duration, entries ...registry.Entry) (lost bool, err error) {
	space, err := s.space()
	if err != nil {
		return false, err
	}
	calls := make([]call, len(entries))
	for i, e := range entries {
		calls[i] = call{
			script: s.scripts.putService,
			keys: []string{
				space.directory(), s.prefix + "service_info:" + e.Name,
				s.prefix + "service:" + e.Name + ":active", s.prefix + "healthy_services", s.instances(e.Name),
				space.environments(e.Name),
			},
			args: []any{
				e.Name, e.Version, ttl.Milliseconds(), string(e.Info), bit(e.Active), bit(e.Healthy),
				space.leasesOf(e.Name), e.ID,
			},
		}
		if calls[i].args, err = appendInstances(calls[i].args, e.Instances); err != nil {
			return false, translate(err, "publish services")
		}
	}
	results := s.runAll(ctx, calls)
	var failures []error
	for i, r := range results {
		emptied, err := s.parsePut(&calls[i], r)
		lost = lost || emptied
		failures = append(failures, err)
	}
	err = translate(errors.Join(failures...), "publish services")
	if len(calls) > 0 {
		s.projection.record(&s.projection.servicesErr, err)
	}
	return lost, err
}

// appendInstances appends what put_service.lua reads of instances.
func appendInstances(args []any, instances []registry.EntryInstance) ([]any, error) {
	for i := range instances {
		instance, first := &instances[i], ""
		if !instance.Leased {
			var err error
			if first, err = head(instance.Ref, 0, instance.URL); err != nil {
				return nil, err
			}
		}
		args = append(args, instance.Environment.String(), instance.Instance.String(), instance.Status.String(), first)
	}
	return args, nil
}

// parsePut returns whether Redis has lost the entries of other services.
func (s *Store) parsePut(c *call, r *redis.Cmd) (lost bool, err error) {
	reply, err := r.Int64Slice()
	if err != nil {
		return false, err
	}
	if len(reply) != 2 || reply[1] < 0 || int(reply[1]) > len(c.keys) {
		return false, errReply
	}
	if reply[1] > 0 {
		s.replaced(c.keys[reply[1]-1])
	}
	return reply[0] == 1, nil
}

func (p *projection) record(of *error, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*of = err
}

// conditions reports an outdated projection.
func (p *projection) conditions() []ports.Condition {
	p.mu.Lock()
	defer p.mu.Unlock()
	why := errors.Join(p.servicesErr, p.instancesErr)
	if why == nil {
		return nil
	}
	message := "Programs that read the registry from Redis see old data; leases and discovery are not concerned."
	if refused := refusal(why); refused != nil {
		message += " " + refused.Error() + "."
	}
	return []ports.Condition{{Name: "redis_projection_failed", Message: message, Count: int64(len(p.outdated))}}
}
