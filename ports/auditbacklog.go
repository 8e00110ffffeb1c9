package ports

import (
	"errors"

	"github.com/signalbox-hq/signalbox/domain/audit"
)

// AuditBacklog keeps records for the audit log on this replica while the database is away,
// also over a restart. It is used by one goroutine at a time.
type AuditBacklog interface {
	// Append adds records that are numbered in a stream, from first on, and returns when they
	// would survive a crash: all of them or none. ErrBacklogFull is no place for them.
	Append(stream string, first int64, records ...audit.Record) error
	// Next returns the oldest records, at most limit of one stream with consecutive numbers;
	// none where there are none.
	Next(limit int) (BacklogBatch, error)
	// Remove removes what Next has returned last. After a crash Next may return it again.
	Remove() error
	// Close ends the use. What is left is there after the next start.
	Close() error
}

// BacklogBatch is a part of a backlog.
type BacklogBatch struct {
	Stream  string
	First   int64
	Records []audit.Record
	// Damaged is how many unreadable records were left out.
	Damaged int64
}

// Empty reports whether there is nothing.
func (b BacklogBatch) Empty() bool { return len(b.Records) == 0 && b.Damaged == 0 }

// ErrBacklogFull is a backlog that has no place for more.
var ErrBacklogFull = errors.New("the backlog of the audit log is full")
