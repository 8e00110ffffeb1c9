// Package targeting matches rules: it defines the context that a caller sends, and
// conditions on its attributes.
//
// It knows nothing of flags, variants or shares, and has no state.
package targeting
