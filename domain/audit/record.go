package audit

import (
	"encoding/hex"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Outcome is what became of an action.
type Outcome string

// The outcomes. Failed is a change that was tried and not made, or whose outcome is
// unknown, for a reason of the service.
const (
	Done   Outcome = "done"
	Denied Outcome = "denied"
	Failed Outcome = "failed"
)

// Outcomes returns all outcomes.
func Outcomes() []Outcome { return []Outcome{Done, Denied, Failed} }

// Record is what an actor did, was denied or failed to do. It contains no value, and no secret.
type Record struct {
	// At is UTC with microseconds.
	At    time.Time
	Actor scope.Actor
	// Source is the address of the client, empty where it is not certain or there is none.
	Source    string
	RequestID string
	// Action is the type of the event that it made, such as "configuration.updated", or the
	// action that was denied, such as "configuration.write".
	Action   string
	Outcome  Outcome
	Resource Resource
	// VersionBefore and VersionAfter are 0 where there is none.
	VersionBefore, VersionAfter int64
	// Count is how many equal attempts the record stands for; at least 1.
	Count int64
	// Facts are further attributes by snake-case name.
	Facts map[string]string
}

// Resource is what a record is about. Fields are empty where it has none.
type Resource struct {
	Type, ID, Environment, ServiceName, Name string
}

// Entry is a record in the audit log.
type Entry struct {
	// Sequence is 1, 2, 3, … without a gap.
	Sequence int64
	Record
}

// Head is the end of the audit log: the last entry's sequence and hash, and 0 and the
// zero hash before the first.
type Head struct {
	Sequence int64
	Hash     Hash
}

// Extent is what the log consists of: the entries after Start, up to End.
type Extent struct {
	// Start is the last entry that retention has removed; zero where it has removed none.
	Start, End Head
	// Strays are the sequences of rows that are no entries, the first one before and the
	// first one beyond the log; at most two.
	Strays []int64
}

// ErrHeadMissing is a log whose head is gone from the database: nothing can be added to it.
var ErrHeadMissing = fault.New(fault.Unavailable, "audit_head_missing",
	"The row of the table audit_head is missing, which no command deletes. Restore it from a backup, or as "+
		"docs/operations.md describes (Audit log).")

// ErrBroken is a chain that is broken where it would have to be intact.
var ErrBroken = fault.New(fault.Conflict, "audit_log_broken",
	"The audit log is broken there; entries are removed only where it is intact.")

// Text returns the hash as 64 hexadecimal digits.
func (h Hash) Text() string { return hex.EncodeToString(h[:]) }

// Text returns the hash of the last entry as 64 hexadecimal digits.
func (h Head) Text() string { return h.Hash.Text() }

// Query selects entries, the newest first. Zero fields select all.
type Query struct {
	ActorKeyID, Action, ResourceType, Environment, ServiceName, Name string
	Outcome                                                          Outcome
	// From is included, To is not.
	From, To time.Time
	// Within narrows to resources that one of the areas contains; nil is for all.
	Within []scope.Area
	// Before is the sequence before which entries are selected, 0 for the end.
	Before int64
	// Limit is how many entries are returned at most.
	Limit int
}
