package rediscache

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports"
)

const (
	// SharedAfter is how long another epoch has to be in use beside this one to count as
	// another cluster's. Replicas of one cluster enter a new epoch within seconds.
	sharedAfter = 5 * time.Second
	// IdleAfter is how long after its last use an epoch counts as not in use.
	idleAfter = 5 * time.Second
	// ExpiredAfter is how long after its last use the keys of an epoch are deleted.
	expiredAfter = time.Hour
	// ScanCount is about how many keys of Redis one step scans for deletion.
	scanCount = 1000
)

// SharedError is a Redis that is used by another cluster, with another database, too.
type SharedError struct{ epochs []string }

// Error names the epochs of the other clusters.
func (e *SharedError) Error() string {
	return "another cluster, with a database of its own, uses the same Redis (feed epoch " +
		strings.Join(e.epochs, ", ") + "): give each cluster a Redis of its own"
}

// others tracks other epochs.
type others struct {
	mu   sync.Mutex
	seen map[string]sighting
	// shared are the epochs of other clusters, in order.
	shared []string
	// cursor is the scan for keys of an expired epoch. Only Claim uses it.
	cursor uint64
}

// sighting is when an epoch was in use, by Redis' clock.
type sighting struct{ first, last registry.Instant }

// Claim records in Redis that the current epoch is in use. It returns a SharedError while
// another one is in use, too. Before the epoch is known it does nothing. Keys of an epoch
// that was not in use for an hour are deleted, some with each call.
func (s *Store) Claim(ctx context.Context) error {
	if s.epoch() == "" {
		return nil
	}
	space, err := s.space()
	if err != nil {
		return err
	}
	key := s.prefix + "registry:epochs"
	reply, err := s.runAll(ctx, []call{{
		script: s.scripts.claim, keys: []string{key}, args: []any{space.epoch},
	}})[0].Slice()
	s.lastRefusal.note(err)
	if err != nil {
		return translate(err, "claim Redis")
	}
	now, uses, err := parseUses(reply)
	if err != nil {
		return translate(err, "claim Redis")
	}
	delete(uses, space.epoch)
	if err := s.deleteExpired(ctx, key, now, uses); err != nil {
		return translate(err, "delete keys of an expired epoch")
	}
	if shared := s.others.note(now, uses); len(shared) > 0 {
		return &SharedError{epochs: shared}
	}
	return nil
}

// parseUses reads the time, and when each epoch was last in use.
func parseUses(reply []any) (now registry.Instant, uses map[string]registry.Instant, err error) {
	if len(reply) != 2 {
		return 0, nil, errReply
	}
	list, ok := reply[1].([]any)
	if now, err = instant(reply[0]); err != nil || !ok || len(list)%2 != 0 {
		return 0, nil, errReply
	}
	uses = map[string]registry.Instant{}
	for i := 0; i < len(list); i += 2 {
		epoch, _ := list[i].(string)
		if uses[epoch], err = instant(list[i+1]); err != nil {
			return 0, nil, err
		}
	}
	return now, uses, nil
}

// note records when other epochs were last in use, and returns those of other clusters.
// An epoch that was left by a restore is no longer in use.
func (o *others) note(now registry.Instant, uses map[string]registry.Instant) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := map[string]sighting{}
	o.shared = nil
	for epoch, last := range uses {
		before, known := o.seen[epoch]
		if !known || now.Sub(last) >= idleAfter {
			before.first = last
		}
		seen[epoch] = sighting{first: before.first, last: last}
		if last.Sub(before.first) >= sharedAfter {
			o.shared = append(o.shared, epoch)
		}
	}
	o.seen = seen
	slices.Sort(o.shared)
	return o.shared
}

// deleteExpired deletes some keys of an expired epoch.
func (s *Store) deleteExpired(
	ctx context.Context, epochs string, now registry.Instant, uses map[string]registry.Instant,
) error {
	var epoch string
	for e, last := range uses {
		if now.Sub(last) >= expiredAfter && (epoch == "" || e < epoch) {
			epoch = e
		}
	}
	if epoch == "" {
		return nil
	}
	// Invalid epochs have no keys.
	if _, err := hex.DecodeString(epoch); err == nil && len(epoch) == epochWidth {
		more, err := s.deleteKeys(ctx, s.spaceOf(epoch).prefix)
		if more || err != nil {
			return err
		}
	}
	return s.client.ZRem(ctx, epochs, epoch).Err()
}

// deleteKeys continues to delete keys with a prefix, and reports whether there may be more.
func (s *Store) deleteKeys(ctx context.Context, prefix string) (more bool, err error) {
	keys, next, err := s.client.Scan(ctx, s.others.cursor, prefix+"*", scanCount).Result()
	if err == nil && len(keys) > 0 {
		err = s.client.Unlink(ctx, keys...).Err()
	}
	if err != nil {
		return false, err
	}
	s.others.cursor = next
	return next != 0, nil
}

// conditions reports other clusters on the same Redis.
func (o *others) conditions() []ports.Condition {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.shared) == 0 {
		return nil
	}
	return []ports.Condition{{
		Name: "redis_shared", Count: int64(len(o.shared)),
		Message: fmt.Sprintf("Redis shared by two clusters: %s. Leases are separate; "+
			"direct readers of Redis see both.", (&SharedError{epochs: o.shared}).Error()),
	}}
}
