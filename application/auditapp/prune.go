package auditapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// PruneBatch bounds the entries that one Prune removes.
const PruneBatch = 10_000

// Pruned is the output of Prune.
type Pruned struct {
	// Removed is how many entries were removed.
	Removed int64
	// Start is the last entry that was ever removed.
	Start audit.Head
	// More says that there may be others to remove.
	More bool
}

// Prune removes the oldest entries: those before the first one that is not older than a
// time, at most PruneBatch, after it has verified them. It keeps the head of the last one,
// with which the chain goes on, and adds an entry about it. A chain that is broken there
// is audit.ErrBroken, and nothing is removed. It is for operators of the database and for
// the retention.
func (s *Service) Prune(ctx context.Context, by scope.Actor, before time.Time) (Pruned, error) {
	extent, err := s.deps.Trail.Extent(ctx)
	if err != nil {
		return Pruned{}, err
	}
	upTo, more, err := s.verifiedBefore(ctx, extent.Start, before)
	out := Pruned{Removed: upTo.Sequence - extent.Start.Sequence, Start: upTo, More: more}
	if err != nil || out.Removed == 0 {
		return Pruned{Start: extent.Start}, err
	}
	err = s.deps.Trail.Prune(ctx, upTo, audit.Record{
		At: s.deps.Clock.Now(), Actor: by, Action: "audit.pruned", Outcome: audit.Done, Count: 1,
		Resource: audit.Resource{Type: logResource},
		Facts: map[string]string{
			"first_sequence": numberText(extent.Start.Sequence + 1), "last_sequence": numberText(upTo.Sequence),
			"last_hash": upTo.Text(), "before": before.UTC().Format(time.RFC3339),
		},
	})
	if errors.Is(err, fault.ErrInvalid) {
		if now, again := s.deps.Trail.Extent(ctx); again == nil && now.Start != extent.Start {
			return Pruned{Start: now.Start, More: true}, nil // another replica has removed them
		}
	}
	if err != nil {
		return Pruned{Start: extent.Start}, err
	}
	return out, nil
}

// verifiedBefore returns the last of the entries after a head that are older than a time,
// and whether it stopped at PruneBatch.
func (s *Service) verifiedBefore(
	ctx context.Context, at audit.Head, before time.Time,
) (upTo audit.Head, more bool, err error) {
	limit := at.Sequence + PruneBatch
	for at.Sequence < limit {
		list, err := s.deps.Trail.Range(ctx, at.Sequence+1, int(min(verifyBatch, limit-at.Sequence)))
		if err != nil || len(list) == 0 {
			return at, false, err
		}
		old := 0
		for old < len(list) && list[old].Columns.At.Before(before) {
			old++
		}
		next, broken := audit.Verify(at, list[:old])
		if broken != nil {
			return at, false, audit.ErrBroken.WithCause(fmt.Errorf("entry %d (%s)", broken.Sequence, broken.Reason))
		}
		if at = next; old < len(list) {
			return at, false, nil
		}
	}
	return at, true, nil
}
