package auditapp

import (
	"context"
	"fmt"

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
	// none, because the log has none.
	From, To int64
	// Broken is where the chain is broken first; nil where it is not.
	Broken *audit.Broken
	// Next is where the next Verify continues; 0 at the end.
	Next int64
	// Start is the last entry that retention has removed, and Head the end of the log.
	Start, Head audit.Head
}

// Checked is how many entries were checked.
func (v Verified) Checked() int64 { return max(v.To-v.From+1, 0) }

// Verify checks the chain from a sequence to another one, both included, at most
// MaxVerified entries; zero is for the beginning and the end. It names the first entry
// that was changed, removed or added; rows before the beginning and beyond the end were
// added, too. A sequence without an entry to begin with is ErrInvalid. It needs the right
// to read all of the log.
func (s *Service) Verify(ctx context.Context, by access.Caller, from, to int64) (Verified, error) {
	if from < 0 || to < 0 || to != 0 && to < from {
		return Verified{}, fault.Bad("from", "must be a sequence, and not after to")
	}
	if err := requireAll(by); err != nil {
		return Verified{}, err
	}
	for {
		extent, err := s.deps.Trail.Extent(ctx)
		if err != nil {
			return Verified{}, err
		}
		out, err := s.verify(ctx, extent, from, to)
		if err != nil || out.Broken == nil {
			return out, err
		}
		// Entries that were missing may have been removed by retention in the meantime.
		now, err := s.deps.Trail.Extent(ctx)
		if err != nil || now.Start == extent.Start {
			return out, err
		}
	}
}

// verify is Verify of a log that has some extent.
func (s *Service) verify(ctx context.Context, extent audit.Extent, from, to int64) (Verified, error) {
	first := extent.Start.Sequence + 1
	switch {
	case from == 0:
		from = first
	case from < first:
		return Verified{}, fault.Bad("from", fmt.Sprintf("must be %d or later; earlier entries were removed", first))
	case from > extent.End.Sequence:
		return Verified{}, fault.Bad("from", fmt.Sprintf("must not be after the last entry, %d", extent.End.Sequence))
	}
	end := extent.End.Sequence
	if to != 0 {
		end = min(end, to)
	}
	out := Verified{From: from, To: from - 1, Start: extent.Start, Head: extent.End}
	before := extent.Start
	if from > first {
		var err error
		if before, out.Broken, err = s.headAt(ctx, from-1); err != nil || out.Broken != nil {
			return out, err
		}
	} else if out.Broken = strayBefore(extent); out.Broken != nil {
		return out, nil
	}
	at, err := s.verifyPart(ctx, &out, before, min(end, from+MaxVerified-1))
	if err != nil || out.Broken != nil {
		return out, err
	}
	switch {
	case out.To < end:
		out.Next = out.To + 1
	case out.To == extent.End.Sequence:
		out.Broken = brokenEnd(extent, at)
	}
	return out, nil
}

// verifyPart checks entries after a head up to the last one, and returns the head there.
func (s *Service) verifyPart(ctx context.Context, out *Verified, at audit.Head, last int64) (audit.Head, error) {
	for out.Broken == nil && out.To < last {
		list, err := s.deps.Trail.Range(ctx, out.To+1, int(min(verifyBatch, last-out.To)))
		if err != nil {
			return at, err
		}
		if len(list) == 0 {
			out.Broken = &audit.Broken{Sequence: out.To + 1, Reason: "missing"}
			break
		}
		at, out.Broken = audit.Verify(at, list)
		out.To = at.Sequence
	}
	return at, nil
}

// strayBefore returns a row before the start of the log.
func strayBefore(extent audit.Extent) *audit.Broken {
	for _, sequence := range extent.Strays {
		if sequence <= extent.Start.Sequence {
			return &audit.Broken{Sequence: sequence, Reason: "inserted"}
		}
	}
	return nil
}

// brokenEnd returns what is wrong at the end of the log, where the chain has led to a head.
func brokenEnd(extent audit.Extent, at audit.Head) *audit.Broken {
	if at != extent.End {
		return &audit.Broken{Sequence: extent.End.Sequence, Reason: "head"}
	}
	for _, sequence := range extent.Strays {
		if sequence > extent.End.Sequence {
			return &audit.Broken{Sequence: sequence, Reason: "inserted"}
		}
	}
	return nil
}

// headAt returns the head after an entry, or that it is missing.
func (s *Service) headAt(ctx context.Context, sequence int64) (audit.Head, *audit.Broken, error) {
	list, err := s.deps.Trail.Range(ctx, sequence, 1)
	if err != nil {
		return audit.Head{}, nil, err
	}
	if len(list) == 0 || list[0].Sequence != sequence {
		return audit.Head{}, &audit.Broken{Sequence: sequence, Reason: "missing"}, nil
	}
	return audit.Head{Sequence: sequence, Hash: list[0].Hash}, nil, nil
}

// Head returns the end of the log, with the hash as text, for a caller that may read all
// of it.
func (s *Service) Head(ctx context.Context, by access.Caller) (sequence int64, hash string, err error) {
	if err := requireAll(by); err != nil {
		return 0, "", err
	}
	extent, err := s.deps.Trail.Extent(ctx)
	return extent.End.Sequence, extent.End.Text(), err
}
