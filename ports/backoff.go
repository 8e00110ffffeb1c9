package ports

import "context"

// Backoff waits between the attempts of something that is worth repeating.
type Backoff interface {
	// Wait returns after a random part of a time that grows with the attempt,
	// counted from 1, up to a bound; or at once with ctx's error when ctx ends.
	Wait(ctx context.Context, attempt int) error
}
