package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// Instant is a moment by the clock of the lease store, in microseconds. Only
// instants of one store can be compared, and only with each other: it is not the
// wall-clock time of any node.
type Instant int64

// Add returns the instant d later, rounded down to microseconds.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d.Microseconds()) }

// Sub returns the time from j to i.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i-j) * time.Microsecond }

// Leases keeps until when instances have proved to be alive. All time in it is
// the store's own. A lease is kept until it is dropped: a store that forgets by
// itself, by a restart for example, says so through Sweep.Fresh.
//
// A lease runs until its end. One whose end has passed still runs, overdue, until
// End records it; then it has ended, and waits for its removal. Renewing or
// granting makes it run again.
//
// What is kept belongs to the epoch of the feed in which it was granted, noted or
// announced (ports.Epoch). In another epoch there is nothing of it: every renewal is
// unknown, and every grant is made. After a restore of the database the lease store so
// knows nothing that the database does not.
//
// A store that cannot be reached, or does not answer in time, is
// ErrLeasesUnavailable from every method, and so is every call before the feed's epoch
// is known. After it, it is unknown whether the
// change was made; making it again is harmless.
type Leases interface {
	// Grant begins leases as the grants say. A grant with a lower epoch than the lease
	// that is kept is refused: the lease stays as it is, the others are granted, and the
	// error is a RefusedError.
	Grant(ctx context.Context, grants ...Grant) error
	// Renew makes leases run on for their TTL from now, and returns one outcome for
	// each renewal, in order. Renewals of one lease take effect in their order. A
	// renewal that fails by itself fails no other: see Renewed.Err. The call fails when
	// all of them do.
	Renew(ctx context.Context, renewals ...Renewal) ([]Renewed, error)
	// Sweep returns what is due. Of several sweepers one at a time gets an answer:
	// it keeps its turn for SweepTerm from its last call, and then it is anyone's.
	Sweep(ctx context.Context, sweeper string, limit int) (Sweep, error)
	// End records that leases have ended, as seen by Sweep, and returns for each, in
	// order, whether it was so still: false for one that was renewed, granted or
	// dropped since, which stays as it is. Recording an end again is true and changes
	// nothing. The removal is counted from the end.
	End(ctx context.Context, leases ...Lease) ([]bool, error)
	// Drop forgets leases and their readings. A lease of a higher epoch than the
	// key's stays; unknown ones are passed over.
	Drop(ctx context.Context, leases ...Held) error
}

// RefusedError says that leases are kept under higher epochs than they were to be
// granted under.
type RefusedError struct {
	// Kept are the leases that stay, by their keys and the epochs that are kept.
	Kept []Held
}

// Error names the first lease.
func (e *RefusedError) Error() string {
	k := e.Kept[0]
	return fmt.Sprintf("%d leases are kept under higher epochs, the first of %s/%s under %d",
		len(e.Kept), k.Service, k.Instance, k.Epoch)
}

// SweepTerm is how long a sweeper keeps its turn without a call.
const SweepTerm = time.Second

// Held is a lease by its key and the epoch under which it is held.
type Held struct {
	Key
	Epoch Epoch
}

// Grant says how a lease begins.
type Grant struct {
	Held
	// TTL is how long the lease runs from each renewal on; positive.
	TTL time.Duration
	// Removal is how long after its end a lease that has ended is to be removed; at
	// least TTL.
	Removal time.Duration
	// Ended begins the lease as one that ends now: its removal is Removal from now.
	Ended bool
	// Keep leaves a lease of the same epoch as it is; without one it is granted.
	Keep bool
	// URL is where the instance is; for those who read the store.
	URL string
	// Status is what is observed of it; for those who read the store.
	Status health.Status
}

// Renewal is a heartbeat.
type Renewal struct {
	Held
	Observation
}

// Outcome says what became of a renewal. The zero value is none.
type Outcome uint8

// The outcomes.
const (
	// LeaseRenewed is a lease that runs on.
	LeaseRenewed Outcome = iota + 1
	// LeaseLost is one that is kept under a higher epoch; it stays as it is.
	LeaseLost
	// LeaseUnknown is one that is not kept, or under a lower epoch; it stays as it is.
	LeaseUnknown
)

// Renewed is what became of a renewal.
type Renewed struct {
	Outcome Outcome
	// TTL is for how long the lease runs from now; 0 unless it was renewed.
	TTL time.Duration
	// HadEnded says that the renewed lease had ended before: the instance is to be
	// brought back.
	HadEnded bool
	// Err is why this renewal alone failed, with no Outcome; nil for all others.
	Err error
}

// Lease is what a sweep finds.
type Lease struct {
	Held
	// Ends is the end of a lease that runs, and the moment of removal of one that
	// has ended.
	Ends Instant
}

// Sweep is what is due in a lease store.
type Sweep struct {
	// Turn is false while another sweeper has it; the rest is zero then.
	Turn bool
	// Now is the store's time.
	Now Instant
	// Since is the time from the last sweep, by whichever sweeper; 0 where Fresh.
	Since time.Duration
	// Fresh says that the store remembers no sweep: it is new, or was emptied.
	Fresh bool
	// Overdue are the leases that run and whose end has passed, the earliest first,
	// at most limit.
	Overdue []Lease
	// Removable are the leases that have ended and whose removal has come, the
	// earliest first, at most limit.
	Removable []Lease
}

// Observation is what became known of an instance.
type Observation struct {
	// Status is the state that was reported or checked; nil for none.
	Status *health.Status
	// Reported says that Status came as a report, and not from a check of ours.
	Reported bool
	// ResponseTime is in milliseconds, 0 or more; nil for none.
	ResponseTime *float64
}

// Readings keeps what was observed lately, for those who look: nothing is decided
// by it. It lives in the lease store, and may be lost with it. It fails as Leases
// does.
type Readings interface {
	// Note adds observations of instances, in order. Those of an instance without a
	// lease are kept too.
	Note(ctx context.Context, notes ...Note) error
	// Instances returns a reading for each of the instances, in order; the zero
	// Reading where nothing was noted since the last Drop.
	Instances(ctx context.Context, keys ...Key) ([]Reading, error)
	// Services returns a reading for each of the services, in order, of all that
	// was observed of whichever instance; the zero Reading where nothing was.
	Services(ctx context.Context, names ...string) ([]Reading, error)
	// Forget makes the readings of services, and of instances, begin anew. Leases stay
	// as they are.
	Forget(ctx context.Context, services []string, instances ...Key) error
}

// Note is an observation of an instance other than by a heartbeat.
type Note struct {
	Key
	Observation
	// URL is where the instance is; for those who read the store.
	URL string
}

// Reading is what was observed of an instance, or of all of a service.
type Reading struct {
	// At is when something was last observed, by the store's clock, in UTC; the zero
	// time for never.
	At time.Time
	// ResponseTime is the last one in milliseconds, and Average the exponentially
	// weighted moving average of them all with a weight of 0.2 for the last; both are
	// 0 where Measured is false.
	ResponseTime, Average float64
	Measured              bool
	// Failures counts the observations of critical in a row, reported or checked. It
	// is kept for instances alone.
	Failures int
	// Reports counts the observations that were reported, heartbeats with a status
	// among them.
	Reports int64
}

// Members knows which replicas live, by leases of their own in the lease store.
// It fails as Leases does.
type Members interface {
	// Announce says that a replica lives for ttl from now, and returns all that do,
	// the announced one too, in the order of their names.
	Announce(ctx context.Context, replica string, ttl time.Duration) ([]string, error)
}

// Directory is a projection of services for direct readers of the lease store: nothing
// is read back from it, and no lease depends on it.
type Directory interface {
	// PutServices puts entries, which live for ttl from now. An entry of a lower version
	// than the stored one is skipped. A value of another type under the key of an entry is
	// replaced. The failure of one entry fails no other. Lost says that the store has lost
	// the entries of other services, which are to be put again.
	PutServices(ctx context.Context, ttl time.Duration, entries ...Entry) (lost bool, err error)
}

// Entry is a service in the directory.
type Entry struct {
	Name string
	// ID numbers the service: of two that had the name after each other the later one
	// has the higher id, and replaces the earlier one whatever the versions.
	ID      int64
	Version int64
	// Info is the service as JSON; nil for one that is deregistered, whose entry is
	// removed.
	Info []byte
	// Active says that it has instances that are listed, Healthy that its status is
	// healthy.
	Active, Healthy bool
}
