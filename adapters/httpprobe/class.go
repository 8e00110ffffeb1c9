package httpprobe

import (
	"context"
	"errors"
	"net"
	"slices"
	"syscall"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// classOf returns the class of an error.
func classOf(ctx context.Context, err error) health.Class {
	var name *net.DNSError
	switch {
	case errors.Is(err, errForbidden):
		return health.Forbidden
	case ctx.Err() != nil, timedOut(err):
		return health.TimedOut
	case errors.As(err, &name):
		return health.Unresolved
	case oneOf(err, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE):
		return health.Refused
	case notConnected(err):
		return health.Unreachable
	}
	return health.Garbled
}

// timedOut reports whether a deadline has passed: the context's, which dialers divide among
// addresses, or the system's.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// notConnected reports whether there is no connection: no route, or an invalid address.
func notConnected(err error) bool {
	var dialled *net.OpError
	var address *net.AddrError
	return errors.As(err, &dialled) && dialled.Op == "dial" || errors.As(err, &address) ||
		oneOf(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH)
}

func oneOf(err error, numbers ...syscall.Errno) bool {
	var number syscall.Errno
	return errors.As(err, &number) && slices.Contains(numbers, number)
}
