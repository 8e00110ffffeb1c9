// Package audit defines the audit log: records of what was done, denied or revealed, and
// the chain of hashes that shows whether one was changed, removed or added afterwards.
package audit
