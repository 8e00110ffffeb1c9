package bootstrap

// ballastBytes is how much more is allocated between two runs of the garbage
// collector than a small heap would have.
const ballastBytes = 16 << 20

// newBallast returns memory that nobody touches, and so takes no page of the
// machine's. The collector counts it as in use and waits until as much again has
// been allocated: a service whose flags fit a few megabytes would otherwise collect
// dozens of times a second under load. A large heap hardly notices.
func newBallast() []byte { return make([]byte, ballastBytes) }
