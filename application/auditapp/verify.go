package auditapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	// MaxVerified bounds the entries of one Verify.
	MaxVerified = 50_000
	// VerifyBatch bounds the entries in memory.
	verifyBatch = 1000
)

// Verified is the output of Verify.
type Verified struct {
	// From and To are the entries that were checked; To is less than From where there are
	// none.
	From, To int64
	// Broken is where the chain is broken first; nil where it is not.
	Broken *audit.Broken
	// Next is where the next Verify continues; 0 at the end.
	Next int64
	// Head is the end of the log.
	Head audit.Head
}

// Verify checks the chain from a sequence to another one, both included, at most
// MaxVerified entries; zero is for the beginning and the end. It names the first entry
// that was changed, removed or added. It needs the right to read all of the log.
func (s *Service) Verify(ctx context.Context, by access.Caller, from, to int64) (Verified, error) {
	if from < 0 || to < 0 || to != 0 && to < from {
		return Verified{}, fault.Bad("from", "must be a sequence, and not after to")
	}
	if err := requireAll(by); err != nil {
		return Verified{}, err
	}
	head, err := s.deps.Trail.Head(ctx)
	if err != nil {
		return Verified{}, err
	}
	from = max(from, 1)
	end := head.Sequence
	if to != 0 {
		end = min(end, to)
	}
	out := Verified{From: from, To: from - 1, Head: head}
	last := min(end, from+MaxVerified-1)
	at, err := s.headBefore(ctx, from)
	for err == nil && out.Broken == nil && out.To < last {
		var list []audit.Stored
		list, err = s.deps.Trail.Range(ctx, out.To+1, int(min(verifyBatch, last-out.To)))
		if err != nil {
			break
		}
		if len(list) == 0 {
			out.Broken = &audit.Broken{Sequence: out.To + 1, Reason: "missing"}
			break
		}
		at, out.Broken = audit.Verify(at, list)
		out.To = at.Sequence
	}
	if err != nil {
		return Verified{}, err
	}
	switch {
	case out.Broken != nil:
	case out.To < end:
		out.Next = out.To + 1
	case out.To == head.Sequence && at.Hash != head.Hash && out.To >= from:
		out.Broken = &audit.Broken{Sequence: out.To, Reason: "head"}
	}
	return out, nil
}

// headBefore returns the head before a sequence.
func (s *Service) headBefore(ctx context.Context, from int64) (audit.Head, error) {
	if from == 1 {
		return audit.Head{}, nil
	}
	list, err := s.deps.Trail.Range(ctx, from-1, 1)
	if err != nil || len(list) == 0 || list[0].Sequence != from-1 {
		return audit.Head{Sequence: from - 1}, err
	}
	return audit.Head{Sequence: from - 1, Hash: list[0].Hash}, nil
}

// Head returns the end of the log, with the hash as text, for a caller that may read all
// of it.
func (s *Service) Head(ctx context.Context, by access.Caller) (sequence int64, hash string, err error) {
	if err := requireAll(by); err != nil {
		return 0, "", err
	}
	head, err := s.deps.Trail.Head(ctx)
	return head.Sequence, head.Text(), err
}
