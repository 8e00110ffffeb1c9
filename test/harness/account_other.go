//go:build !linux

package harness

import "syscall"

// asServerUser returns how to start PostgreSQL: as whoever runs the tests, who
// must not be root. A server outlives tests that are killed.
func asServerUser(string) (*syscall.SysProcAttr, error) { return &syscall.SysProcAttr{}, nil }
