// Package targeting is how a rule recognises whom it is for: the context that a
// caller sends, and conditions on its attributes.
//
// It knows nothing of flags, variants or shares, and keeps nothing between calls.
package targeting
