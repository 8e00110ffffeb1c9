package ports

import "context"

// LimitWhole is all of a rate limit: claims are in millionths of it.
const LimitWhole = 1_000_000

// LimitClaim is what one replica claims of a rate limit that replicas divide.
type LimitClaim struct {
	// ID identifies the API key or the address that is limited, with the kind of the limit.
	ID uint64
	// Share is the part that the replica uses at most until it publishes another one.
	Share uint32
	// Demand is the part that the replica's requests would use; it may be more than all.
	Demand uint32
}

// PublishedClaims are the claims of one replica. A limit that is missing is one of which
// the replica uses an equal part at most.
type PublishedClaims struct {
	// Sequence grows with every exchange of the replica.
	Sequence uint64
	Claims   []LimitClaim
}

// LimitClaims shows replicas what each of them claims.
type LimitClaims interface {
	// Exchange publishes the claims of a replica in place of its earlier ones, and returns
	// those of all others, by replica, also of replicas that have died within the last
	// minute. Of two replicas that exchange at once, at least one gets the other's new
	// claims. A store that cannot be reached is an error; then it is unknown whether the
	// claims were published. What was stored in another epoch of the feed is not returned.
	Exchange(ctx context.Context, replica string, claims PublishedClaims) (map[string]PublishedClaims, error)
	// Withdraw deletes the claims of a replica, if there are any.
	Withdraw(ctx context.Context, replica string) error
}
