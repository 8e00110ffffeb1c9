// Package flag defines the feature flag: its definition with variants, rules and shares,
// its versions, and the pure function that evaluates it.
//
// Evaluation is deterministic, never waits, and has no state. Shares are computed by
// rollout, contexts and conditions by targeting. The package is not for storage, nor for
// the protocols of evaluation.
package flag
