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

// Leases stores the leases of instances. Its time is the store's own. A lease is stored
// until it is removed: a store that loses leases, by a restart for example, reports that
// as DueLeases.Emptied.
//
// A lease runs until its end. One whose end has passed still runs, overdue, until
// Expire records its expiry; then it waits for its removal. A renewal or a grant makes
// it run again.
//
// Leases, readings and members belong to the epoch of the feed in which they were
// stored (ports.Epoch), and do not exist in another one: every renewal is unknown there,
// and every grant succeeds. So after a restore of the database the lease store has
// nothing that the database does not have.
//
// A store that cannot be reached, or does not answer in time, is ErrLeasesUnavailable
// from every method, and so is every call before the feed's epoch is known. Whether the
// change was stored is unknown then; repeating it is harmless.
type Leases interface {
	// Grant begins leases. A grant with a lower epoch than the stored lease is refused:
	// the lease stays as it is, the others are granted, and the error is a RefusedError.
	Grant(ctx context.Context, grants ...Grant) error
	// Renew extends leases to their TTL from now, and returns one outcome for each
	// renewal, in order. Renewals of one lease take effect in their order. A renewal that
	// fails by itself fails no other: see Renewed.Err. The call fails when all of them do.
	Renew(ctx context.Context, renewals ...Renewal) ([]Renewed, error)
	// Due returns the leases that are due. Of several replicas one is elected and gets
	// them: until ElectionTerm has passed since its last call.
	Due(ctx context.Context, replica string, limit int) (DueLeases, error)
	// Expire records that leases have expired, as Due returned them, and reports for each,
	// in order, whether it had: false for one that was renewed, granted or removed since,
	// which stays as it is. Recording the same expiry again is true and changes nothing.
	// The removal is counted from the end of the lease.
	Expire(ctx context.Context, leases ...Lease) ([]bool, error)
	// Remove removes leases and their readings. A lease of a higher epoch than the key's
	// stays; unknown ones are skipped.
	Remove(ctx context.Context, leases ...LeaseKey) error
}

// RefusedError says that leases are stored under higher epochs than they were to be
// granted under.
type RefusedError struct {
	// Current are the stored leases.
	Current []LeaseKey
}

// Error names the first lease.
func (e *RefusedError) Error() string {
	k := e.Current[0]
	return fmt.Sprintf("%d leases have higher epochs, the first of %s/%s the epoch %d",
		len(e.Current), k.Service, k.Instance, k.Epoch)
}

// ElectionTerm is how long an elected replica stays elected without a call of Due.
const ElectionTerm = time.Second

// LeaseKey is the lease of an instance under an epoch, its fencing token.
type LeaseKey struct {
	Key
	Epoch Epoch
}

// Grant begins a lease.
type Grant struct {
	LeaseKey
	// TTL is how long the lease runs from each renewal on; positive.
	TTL time.Duration
	// Removal is how long after its end an expired lease is to be removed; at least TTL.
	Removal time.Duration
	// Expired begins the lease as one that expires now: its removal is Removal from now.
	Expired bool
	// IfAbsent leaves a stored lease of the same epoch as it is.
	IfAbsent bool
	// URL is the instance's, for direct readers of the store.
	URL string
	// Status is the observed one, for direct readers of the store.
	Status health.Status
}

// Renewal is a heartbeat.
type Renewal struct {
	LeaseKey
	Observation
}

// Outcome is the result of a renewal. The zero value is none.
type Outcome uint8

// The outcomes.
const (
	// LeaseRenewed is a lease that was extended.
	LeaseRenewed Outcome = iota + 1
	// LeaseLost is a lease that is stored under a higher epoch; it stays as it is.
	LeaseLost
	// LeaseUnknown is a lease that is not stored, or under a lower epoch; it stays as it
	// is.
	LeaseUnknown
)

// Renewed is the result of a renewal.
type Renewed struct {
	Outcome Outcome
	// TTL is for how long the lease runs from now; 0 unless it was renewed.
	TTL time.Duration
	// HadExpired says that the renewed lease had expired before: the instance is to be
	// restored.
	HadExpired bool
	// Err is why this renewal alone failed, with no Outcome; nil for all others.
	Err error
}

// Lease is a lease that is due.
type Lease struct {
	LeaseKey
	// Ends is the end of a lease that runs, and the moment of removal of an expired one.
	Ends Instant
}

// DueLeases are the leases of a store that are due.
type DueLeases struct {
	// Elected is false while another replica is elected; the rest is zero then.
	Elected bool
	// Now is the store's time.
	Now Instant
	// Since is the time from the last call of an elected replica; 0 where Emptied.
	Since time.Duration
	// Emptied says that the store has no record of such a call: it is new, or was emptied.
	Emptied bool
	// Overdue are the leases that run and whose end has passed, the earliest first,
	// at most limit.
	Overdue []Lease
	// Removable are the expired leases whose removal is due, the earliest first, at most
	// limit.
	Removable []Lease
}

// Observation is what is known of an instance from a report or a probe.
type Observation struct {
	// Status is the state that was reported or probed; nil for none.
	Status *health.Status
	// Reported says that Status was reported, and not probed.
	Reported bool
	// ResponseTime is in milliseconds, 0 or more; nil for none.
	ResponseTime *float64
}

// Readings stores recent observations for display: no decision depends on them. They are
// in the lease store, and may be lost with it. It fails as Leases does.
type Readings interface {
	// Note adds observations of instances, in order, also of instances without a lease.
	Note(ctx context.Context, notes ...Note) error
	// Instances returns a reading for each of the instances, in order; the zero
	// Reading where nothing was noted since the last Remove.
	Instances(ctx context.Context, keys ...Key) ([]Reading, error)
	// Services returns a reading for each of the services, in order, of all their
	// instances together; the zero Reading where there is none.
	Services(ctx context.Context, names ...string) ([]Reading, error)
	// Forget resets the readings of services, and of instances. Leases stay as they are.
	Forget(ctx context.Context, services []string, instances ...Key) error
}

// Note is an observation of an instance other than by a heartbeat.
type Note struct {
	Key
	Observation
}

// Reading is the recent observations of an instance, or of all instances of a service.
type Reading struct {
	// At is the time of the last observation, by the store's clock, in UTC; the zero
	// time for never.
	At time.Time
	// ResponseTime is the last one in milliseconds, and Average the exponentially
	// weighted moving average of them all with a weight of 0.2 for the last; both are
	// 0 where Measured is false.
	ResponseTime, Average float64
	Measured              bool
	// Failures counts the observations of critical in a row, reported or probed, of an
	// instance; it is 0 for services.
	Failures int
	// Reports counts the observations that were reported, heartbeats with a status
	// among them.
	Reports int64
}

// Members tracks which replicas are alive, by leases of their own in the lease store.
// It fails as Leases does.
type Members interface {
	// Announce says that a replica is alive for ttl from now, and returns all that are,
	// this one too, in the order of their names.
	Announce(ctx context.Context, replica string, ttl time.Duration) ([]string, error)
}

// Directory is a projection of services for direct readers of the lease store: nothing
// is read back from it, and no lease depends on it.
type Directory interface {
	// PutServices puts entries with their instances, which live for ttl from now. An entry of a lower version
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
	// Instances are all that are not removed. Those with a lease are in the directory from
	// its grant on.
	Instances []EntryInstance
}

// EntryInstance is an instance in the directory.
type EntryInstance struct {
	Ref
	// Status is the observed one.
	Status health.Status
	// URL is that of an instance without a lease.
	URL    string
	Leased bool
}
