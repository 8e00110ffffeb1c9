// Package change is how use cases write to versioned aggregates: one at a time
// within this process, and again when another process was quicker.
//
// It knows no aggregate. What is written is for the module's own package.
package change
