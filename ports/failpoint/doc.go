// Package failpoint names places in the code where a test may end or stop the
// process, to hold what is there before and after to its invariants. It is no port.
//
// Only a binary that is built with the tag failpoints looks at them; in every other
// one Hit is nothing at all.
package failpoint
