package httpprobe

import (
	"context"
	"errors"
	"net"
	"slices"
	"syscall"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// classOf returns the class of an error, of which nothing else is kept.
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
	case undialled(err):
		return health.Unreachable
	}
	return health.Garbled
}

// timedOut reports whether something was too late, by whatever deadline: the
// context's, which dialers divide among addresses, or the system's.
func timedOut(err error) bool {
	var late net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) && late.Timeout()
}

// undialled reports whether there is no connection: no route, or an address that
// is none.
func undialled(err error) bool {
	var dialled *net.OpError
	var address *net.AddrError
	return errors.As(err, &dialled) && dialled.Op == "dial" || errors.As(err, &address) ||
		oneOf(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH)
}

func oneOf(err error, numbers ...syscall.Errno) bool {
	var number syscall.Errno
	return errors.As(err, &number) && slices.Contains(numbers, number)
}
