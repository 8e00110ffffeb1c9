// Package change is how use cases read and write versioned aggregates: access is
// decided on what is stored, writes of one process to one aggregate are serialized, and
// a write that loses to another process is retried.
//
// It knows no module. What is written, and what a write means for a cache, is for the
// module's own package.
package change
