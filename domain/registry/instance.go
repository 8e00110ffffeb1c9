package registry

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Bounds and defaults of an instance.
const (
	MaxInstances   = 10_000
	MaxWeight      = 65_535
	DefaultWeight  = 100
	MinTTL         = time.Second
	MaxTTL         = time.Hour
	DefaultTTL     = 30 * time.Second
	MaxRemoval     = 10 * 365 * 24 * time.Hour
	MaxTags        = 64
	MaxLabelBytes  = 100
	MaxReasonBytes = 1 << 10
	removalsPerTTL = 10
)

// Definition is the registered description of an instance.
type Definition struct {
	Address     Address
	HealthCheck URL
	// Check is nil where none was given; then HealthCheck is checked, if any.
	Check       *health.Check
	Environment scope.Environment
	// Zone and Version are of at most 100 bytes; "" for none.
	Zone, Version string
	// Tags are sorted, without repetition.
	Tags     []string
	Metadata Metadata
	Weight   int
	// TTL is how long its lease runs from each heartbeat on, and Removal how long
	// after the end of its lease it is removed. Both are 0 for one without a lease.
	TTL, Removal time.Duration
	// Source is the address of the client that registered it last, unmapped; the zero
	// address where that is unknown. Checks may dial it. It is not published.
	Source netip.Addr
}

func (d Definition) same(e Definition) bool {
	return d.Address.same(e.Address) && d.HealthCheck == e.HealthCheck && sameCheck(d.Check, e.Check) &&
		d.Environment == e.Environment && d.Zone == e.Zone && d.Version == e.Version &&
		slices.Equal(d.Tags, e.Tags) && d.Metadata.Same(e.Metadata) && d.Weight == e.Weight &&
		d.TTL == e.TTL && d.Removal == e.Removal
}

func sameCheck(a, b *health.Check) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Same(*b)
}

// Validate returns ErrInvalid for invalid fields.
func (d Definition) Validate() error {
	return fault.Merge(d.Address.validate(), labelFault("zone", d.Zone), labelFault("version", d.Version),
		tagsFault(d.Tags), weightFault(d.Weight), d.Metadata.steeringFault(), d.leaseFault())
}

func labelFault(field, text string) error {
	if message := scope.TextFault(text, MaxLabelBytes, "100 bytes"); message != "" {
		return fault.Bad(field, message)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fault.Bad(field, "must not contain control characters")
	}
	return nil
}

func tagsFault(tags []string) error {
	if len(tags) > MaxTags {
		return fault.Bad("tags", "must contain at most 64 tags")
	}
	for _, tag := range tags {
		if tag == "" || labelFault("tags", tag) != nil {
			return fault.Bad("tags", "must be 1 to 100 bytes each, without control characters")
		}
	}
	return nil
}

func weightFault(weight int) error {
	if weight < 0 || weight > MaxWeight {
		return fault.Bad("weight", "must be between 0 and 65535")
	}
	return nil
}

func (d Definition) leaseFault() error {
	switch {
	case d.TTL == 0 && d.Removal == 0:
		return nil
	case d.TTL < MinTTL || d.TTL > MaxTTL:
		return fault.Bad("ttl_seconds", "must be between 1 and 3600")
	case d.Removal < d.TTL || d.Removal > MaxRemoval:
		return fault.Bad("deregister_after_seconds", "must be at least ttl_seconds, and at most ten years")
	}
	return nil
}

// sortedTags returns tags in order, without repetition.
func sortedTags(tags []string) []string { return slices.Compact(slices.Sorted(slices.Values(tags))) }

// Desired is the state of an instance that an operator sets. The zero value is Up.
type Desired uint8

// The states that can be desired.
const (
	// Up gets requests.
	Up Desired = iota
	// Draining finishes its requests, and gets no more.
	Draining
	// Maintenance is out of use for now.
	Maintenance
)

// String returns "up", "draining" or "maintenance".
func (d Desired) String() string {
	switch d {
	case Draining:
		return "draining"
	case Maintenance:
		return "maintenance"
	case Up:
	}
	return "up"
}

// ParseDesired is the inverse of String; another text is ErrInvalid for "desired".
func ParseDesired(text string) (Desired, error) {
	for _, d := range []Desired{Up, Draining, Maintenance} {
		if d.String() == text {
			return d, nil
		}
	}
	return Up, fault.Bad("desired", "must be up, draining or maintenance")
}

// Override is the desired state of an instance, with its reason and its author. It
// outlives the removal of the instance, and applies again when it is registered again.
type Override struct {
	Desired Desired
	Reason  string
	By      scope.Actor
}

// Instance is the state of an instance. It is immutable.
type Instance struct {
	ID InstanceID
	Definition
	Override
	// Evidence is the last report or check.
	Evidence health.Status
	// Flapping reports that checks changed so often that Evidence is frozen.
	Flapping bool
	// Expired reports that its lease has expired.
	Expired bool
	// Held reports that it has expired and stays listed, because too many others have
	// expired.
	Held bool
	// Since and Reason are of the last transition of the observed health.
	Since  time.Time
	Reason string
	// Epoch is of its last registration; 0 for one that never had a lease.
	Epoch        Epoch
	RegisteredAt time.Time
	UpdatedAt    time.Time
	// Removed reports that it was deregistered, or removed after its lease expired. Only
	// the epoch and the override are current then.
	Removed bool
	// Damaged reports that the stored row is unreadable: only the id, which may break a
	// rule too, the epoch and what counts in a Tally are known. The instance can be
	// deregistered, and registered again.
	Damaged bool
}

// damage returns ErrDamaged with the id where the stored row is unreadable, else nil.
func (i *Instance) damage() error {
	if !i.Damaged {
		return nil
	}
	return ErrDamaged.WithDetail("instance_id", i.ID.String())
}

// The least retention of removed instances: KeptRemoved, or KeptOverridden for those with
// an override.
const (
	KeptRemoved    = 24 * time.Hour
	KeptOverridden = 30 * 24 * time.Hour
)

// Kept returns how long the instance is stored after its removal: as long as the time
// between the expiry of its lease and its removal, and no shorter than KeptRemoved or
// KeptOverridden.
func (i *Instance) Kept() time.Duration {
	least := KeptRemoved
	if i.Desired != Up {
		least = KeptOverridden
	}
	return max(least, i.Removal)
}

// Ref returns what names the instance within its service.
func (i *Instance) Ref() Ref { return Ref{Environment: i.Environment, Instance: i.ID} }

// Leased reports whether the instance has a lease.
func (i *Instance) Leased() bool { return i.TTL > 0 }

// Observed returns the current health: critical where its lease has expired, else the
// evidence.
func (i *Instance) Observed() health.Status {
	if i.Expired {
		return health.Critical
	}
	return i.Evidence
}

// Serving reports whether the instance answers requests, as Kubernetes' condition
// of endpoints (EndpointSlice, "serving").
func (i *Instance) Serving() bool { return i.Observed().Serving() }

// Ready reports whether it gets requests: it serves, and is desired up.
func (i *Instance) Ready() bool { return i.Serving() && i.Desired == Up }

// Terminating reports whether it is being removed.
func (i *Instance) Terminating() bool { return i.Desired == Draining || i.Removed }

// Offered reports whether discovery lists it as ready: it is ready, or held by
// preservation.
func (i *Instance) Offered() bool { return i.Ready() || i.Held && i.Desired == Up }

// Selectable reports whether clients that want ready instances get it: it is offered, and
// its weight is not 0.
func (i *Instance) Selectable() bool { return i.Offered() && i.Weight > 0 }

// Listed reports whether discovery lists it: it has not expired, or is held.
func (i *Instance) Listed() bool { return !i.Removed && !i.Damaged && (!i.Expired || i.Held) }

// Alive reports whether it has a lease that preservation counts.
func (i *Instance) Alive() bool { return i.Leased() && i.Listed() }

// same reports whether nothing published differs.
func (i *Instance) same(j *Instance) bool {
	return i.Definition.same(j.Definition) && i.Override == j.Override && i.Evidence == j.Evidence &&
		i.Flapping == j.Flapping && i.Expired == j.Expired && i.Held == j.Held && i.Removed == j.Removed &&
		i.Reason == j.Reason
}

// ActiveCheck returns how the instance is checked, or false where it is not.
func (i *Instance) ActiveCheck() (health.Check, bool) {
	switch {
	case i.Removed, i.Damaged:
		return health.Check{}, false
	case i.Check != nil:
		return *i.Check, true
	case !i.HealthCheck.IsZero():
		return health.Standard(), true
	}
	return health.Check{}, false
}
