package ports

import (
	"context"
	"strings"
	"time"
)

// ReplicaTerm is how long a replica counts as serving after its last announcement.
const ReplicaTerm = 30 * time.Second

// Replica is a process that serves from the database.
type Replica struct {
	// ID is a UUID that the process draws at its start.
	ID string
	// Version is that of the binary.
	Version string
	// Environments are the supported ones, separated by commas, in their order.
	Environments string
	// Keys are the fingerprints of its encryption keys in their order, separated by commas, and
	// Current is the one under which it encrypts. Both are empty for a replica without keys,
	// and for one of a version that does not announce them.
	Keys, Current string
}

// Ring returns the fingerprints of the replica's encryption keys, in their order.
func (r Replica) Ring() []string {
	if r.Keys == "" {
		return nil
	}
	return strings.Split(r.Keys, ",")
}

// Replicas stores which processes serve from one database. A store that cannot be
// reached is fault.ErrUnavailable from every method.
type Replicas interface {
	// Announce records that a replica serves now, and returns the others that were
	// announced within ReplicaTerm by the store's clock, ordered by id. Older ones are
	// deleted.
	Announce(ctx context.Context, r Replica) ([]Replica, error)
	// Serving returns the replicas that were announced within ReplicaTerm, ordered by id.
	Serving(ctx context.Context) ([]Replica, error)
	// Leave deletes a replica, if it exists.
	Leave(ctx context.Context, id string) error
}
