package ports

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/audit"
)

// AuditTrail is the audit log. What changes an aggregate is in the feed, with all that its
// record needs; what changes something else stores its record in the same transaction
// (audit_pending). Seal moves both into the log. A store that cannot be reached is
// fault.ErrUnavailable from every method.
type AuditTrail interface {
	// Seal numbers and chains waiting records, at most limit changes and limit others, and
	// returns how many it has looked at. Describe returns the record of a change, or false
	// for one that is not audited. Of concurrent calls one seals at a time.
	Seal(ctx context.Context, limit int, describe func(Change) (audit.Record, bool)) (int, error)
	// Add stores records that wait for Seal.
	Add(ctx context.Context, records ...audit.Record) error
	// Entries returns the entries that a query selects, the newest first.
	Entries(ctx context.Context, q audit.Query) ([]audit.Stored, error)
	// Range returns the entries from a sequence on, in their order, at most limit.
	Range(ctx context.Context, from int64, limit int) ([]audit.Stored, error)
	// Head returns the end of the log.
	Head(ctx context.Context) (audit.Head, error)
}
