package bootstrap

// What tests of wiring see of it.
var (
	ClockSkew    = clockSkew
	OwnAddresses = ownAddresses
	Sentence     = sentence
)
