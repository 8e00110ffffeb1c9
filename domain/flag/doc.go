// Package flag is the feature flag: its definition with variants, rules and
// shares, its versions, and the pure function that decides what a context gets.
//
// Nothing in it is random, waits, or keeps anything between evaluations. Shares
// are computed by rollout, contexts and conditions by targeting. The package is
// not for where flags are kept, nor for the protocols that ask for decisions.
package flag
