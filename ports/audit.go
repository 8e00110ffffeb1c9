package ports

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/audit"
)

// AuditTrail is the audit log. What changes an aggregate is in the feed, with all that its
// record needs; what changes something else stores its record in the same transaction
// (audit_pending). Seal moves both into the log. A store that cannot be reached is
// fault.ErrUnavailable from every method, and one without the head of the log is
// audit.ErrHeadMissing from Seal, Extent and Prune.
type AuditTrail interface {
	// Seal numbers and chains waiting records, and returns how many it has looked at. Rows
	// that are no entries are set aside first, so that they never stop it. Of concurrent
	// calls one seals at a time.
	Seal(ctx context.Context, s Sealing) (int, error)
	// Add stores records that wait for Seal.
	Add(ctx context.Context, records ...audit.Record) error
	// AddOnce is Add for records that are numbered in a stream, from first on. Those with
	// the number of one that was stored before are left out: an addition whose outcome is
	// unknown may be repeated.
	AddOnce(ctx context.Context, stream string, first int64, records ...audit.Record) error
	// Entries returns the entries that a query selects, the newest first.
	Entries(ctx context.Context, q audit.Query) ([]audit.Stored, error)
	// Range returns the entries from a sequence on, in their order, at most limit.
	Range(ctx context.Context, from int64, limit int) ([]audit.Stored, error)
	// Extent returns the start and the end of the log, and what is beside it.
	Extent(ctx context.Context) (audit.Extent, error)
	// Prune removes the entries up to one of the log, and stores a record of it, together.
	// The log then begins after that entry. An entry that the log does not have is
	// fault.ErrInvalid.
	Prune(ctx context.Context, upTo audit.Head, r audit.Record) error
}

// Sealing is what Seal needs.
type Sealing struct {
	// Limit is how many changes, and how many other records, are looked at.
	Limit int
	// Describe returns the record of a change, or false for one that is not audited.
	Describe func(Change) (audit.Record, bool)
	// Rejected returns the record of rows that were set aside, of which first is the first.
	Rejected func(first, count int64) audit.Record
}
