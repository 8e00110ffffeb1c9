//go:build !linux

package harness

import "syscall"

// asServerUser returns the attributes for a PostgreSQL process: it runs as the user of the
// tests, which must not be root, and outlives killed tests.
func asServerUser(string) (*syscall.SysProcAttr, error) { return &syscall.SysProcAttr{}, nil }

// own does nothing: PostgreSQL runs as the user of the tests.
func own(string) error { return nil }
