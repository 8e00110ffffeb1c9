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
	// SharedAfter is for how long another epoch has to be in use beside ours before it is
	// another cluster's. Replicas of one cluster follow a new epoch within seconds.
	sharedAfter = 5 * time.Second
	// IdleAfter is how long after its last use an epoch counts as not in use.
	idleAfter = 5 * time.Second
	// ForgottenAfter is how long after its last use the keys of an epoch are deleted.
	forgottenAfter = time.Hour
	// ForgetPage is about how many keys of Redis one step looks at to delete them.
	forgetPage = 1000
)

// SharedError is a Redis that another cluster uses, too: one with another database.
type SharedError struct{ epochs []string }

// Error names the epochs of the other clusters.
func (e *SharedError) Error() string {
	return "another cluster, with a database of its own, uses the same Redis (feed epoch " +
		strings.Join(e.epochs, ", ") + "): give each cluster a Redis of its own"
}

// others is what is known of other epochs.
type others struct {
	mu   sync.Mutex
	seen map[string]sighting
	// shared are the epochs of other clusters, in order.
	shared []string
	// cursor is how far the keys of a forgotten epoch were looked for. Only Claim uses it.
	cursor uint64
}

// sighting is when an epoch was in use, by Redis' clock.
type sighting struct{ first, last registry.Instant }

// Claim notes in Redis that the present epoch is in use, and looks for others. It
// returns a SharedError while another one is in use, too. Before the epoch is known it
// does nothing. Keys of an epoch that was not in use for an hour are deleted, some with
// each call.
func (s *Store) Claim(ctx context.Context) error {
	if s.epoch() == "" {
		return nil
	}
	space, err := s.space()
	if err != nil {
		return err
	}
	key := s.prefix + "registry:epochs"
	answer, err := s.runAll(ctx, []call{{
		script: s.scripts.claim, keys: []string{key}, args: []any{space.epoch},
	}})[0].Slice()
	s.lastRefusal.note(err)
	if err != nil {
		return translate(err, "claim Redis")
	}
	now, uses, err := parseUses(answer)
	if err != nil {
		return translate(err, "claim Redis")
	}
	delete(uses, space.epoch)
	if err := s.forget(ctx, key, now, uses); err != nil {
		return translate(err, "delete keys of an epoch that is over")
	}
	if shared := s.others.note(now, uses); len(shared) > 0 {
		return &SharedError{epochs: shared}
	}
	return nil
}

// parseUses reads the time, and when each epoch was last in use.
func parseUses(answer []any) (now registry.Instant, uses map[string]registry.Instant, err error) {
	if len(answer) != 2 {
		return 0, nil, errAnswer
	}
	list, ok := answer[1].([]any)
	if now, err = instant(answer[0]); err != nil || !ok || len(list)%2 != 0 {
		return 0, nil, errAnswer
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

// note takes in when other epochs were last in use, and returns those of other
// clusters: one that is only left over, as after a restore, is used no more.
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

// forget deletes some keys of an epoch that was not in use for long.
func (s *Store) forget(
	ctx context.Context, epochs string, now registry.Instant, uses map[string]registry.Instant,
) error {
	var epoch string
	for e, last := range uses {
		if now.Sub(last) >= forgottenAfter && (epoch == "" || e < epoch) {
			epoch = e
		}
	}
	if epoch == "" {
		return nil
	}
	// What is no epoch has no keys.
	if _, err := hex.DecodeString(epoch); err == nil && len(epoch) == epochWidth {
		more, err := s.forgetKeys(ctx, s.spaceOf(epoch).prefix)
		if more || err != nil {
			return err
		}
	}
	return s.client.ZRem(ctx, epochs, epoch).Err()
}

// forgetKeys goes on deleting keys that begin so, and reports whether there may be more.
func (s *Store) forgetKeys(ctx context.Context, prefix string) (more bool, err error) {
	keys, next, err := s.client.Scan(ctx, s.others.cursor, prefix+"*", forgetPage).Result()
	if err == nil && len(keys) > 0 {
		err = s.client.Unlink(ctx, keys...).Err()
	}
	if err != nil {
		return false, err
	}
	s.others.cursor = next
	return next != 0, nil
}

// conditions returns the clusters that use the same Redis.
func (o *others) conditions() []ports.Condition {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.shared) == 0 {
		return nil
	}
	return []ports.Condition{{
		Name: "redis_shared", Count: int64(len(o.shared)),
		Message: fmt.Sprintf("Redis shared by two clusters: %s. Leases are kept apart; "+
			"programs that read the registry from Redis see both.", (&SharedError{epochs: o.shared}).Error()),
	}}
}
