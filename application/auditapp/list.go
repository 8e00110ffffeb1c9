package auditapp

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// List is the input of List; empty fields do not narrow it.
type List struct {
	ActorKeyID, Action, ResourceType, Environment, ServiceName, Name, Outcome string
	// From is included, To is not.
	From, To time.Time
	// Limit is 1 to page.MaxLimit. There is no offset.
	scope.Window
}

// Shown is an entry with its hash.
type Shown struct {
	audit.Entry
	// Hash is 64 hexadecimal digits.
	Hash string
	// Damaged says that the stored text is unreadable: the entry has its sequence alone.
	Damaged bool
}

// List returns a page of the entries that the caller may read, the newest first, without
// their number.
func (s *Service) List(ctx context.Context, by access.Caller, in List) (versioned.Page[Shown], error) {
	var none versioned.Page[Shown]
	var outcomeErr error
	if in.Outcome != "" && !slices.Contains(audit.Outcomes(), audit.Outcome(in.Outcome)) {
		outcomeErr = fault.Bad("outcome", "must be done, denied or failed")
	}
	if err := fault.Merge(outcomeErr, page.CheckNumbered(in.Window)); err != nil {
		return none, err
	}
	if err := by.RequireConfirmed(access.ReadAudit); err != nil {
		return none, err
	}
	within, err := by.Areas(access.ReadAudit)
	if err != nil {
		return none, err
	}
	before, err := page.Number(in.After)
	if err != nil {
		return none, err
	}
	found, err := s.deps.Trail.Entries(ctx, audit.Query{
		ActorKeyID: in.ActorKeyID, Action: in.Action, ResourceType: in.ResourceType, Environment: in.Environment,
		ServiceName: in.ServiceName, Name: in.Name, Outcome: audit.Outcome(in.Outcome), From: in.From, To: in.To,
		Within: within, Before: before, Limit: in.Limit + 1,
	})
	if err != nil {
		return none, err
	}
	out := versioned.Page[Shown]{More: len(found) > in.Limit}
	for _, stored := range found[:min(len(found), in.Limit)] {
		out.Items = append(out.Items, show(stored))
		out.Positions = append(out.Positions, sequenceOf(stored.Sequence))
	}
	return out, nil
}

func show(stored audit.Stored) Shown {
	e, err := audit.Parse(stored.Canonical)
	if err != nil {
		return Shown{Entry: audit.Entry{Sequence: stored.Sequence}, Hash: stored.Hash.Text(), Damaged: true}
	}
	return Shown{Entry: e, Hash: stored.Hash.Text()}
}

// Exported is a part of the log.
type Exported struct {
	// Before is the head before the first entry, and End that of the log.
	Before, End audit.Head
	Entries     []audit.Stored
}

// Export returns entries from a sequence on, at most page.MaxLimit, for a caller that may
// read all of the log. Zero is for the beginning; a sequence without an entry is
// ErrInvalid, but for the one after the end.
func (s *Service) Export(ctx context.Context, by access.Caller, from int64) (Exported, error) {
	if err := requireAll(by); err != nil {
		return Exported{}, err
	}
	extent, err := s.deps.Trail.Extent(ctx)
	if err != nil {
		return Exported{}, err
	}
	first := extent.Start.Sequence + 1
	if from == 0 {
		from = first
	}
	if from < first || from > extent.End.Sequence+1 {
		return Exported{}, fault.Bad("from", fmt.Sprintf("must be %d to %d", first, extent.End.Sequence))
	}
	out := Exported{Before: extent.Start, End: extent.End}
	if from > first {
		// A missing entry shows as one whose hash does not fit.
		if out.Before, _, err = s.headAt(ctx, from-1); err != nil {
			return Exported{}, err
		}
		out.Before.Sequence = from - 1
	}
	out.Entries, err = s.deps.Trail.Range(ctx, from, page.MaxLimit)
	return out, err
}

// requireAll returns nil where the caller may read all of the log.
func requireAll(by access.Caller) error { return by.Require(access.ReadAudit, access.Resource{}) }
