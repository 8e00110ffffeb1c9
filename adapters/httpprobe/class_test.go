package httpprobe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/adapters/httpprobe"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

func TestClasses(t *testing.T) {
	t.Parallel()
	system := func(op string, number syscall.Errno) error {
		return fmt.Errorf("wrapped: %w", &net.OpError{Op: op, Err: os.NewSyscallError("connect", number)})
	}
	for _, c := range []struct {
		err  error
		want health.Class
	}{
		{system("dial", syscall.ECONNREFUSED), health.Refused},
		{system("read", syscall.ECONNRESET), health.Refused},
		{system("write", syscall.EPIPE), health.Refused},
		{system("dial", syscall.ETIMEDOUT), health.TimedOut},
		{os.ErrDeadlineExceeded, health.TimedOut},
		{context.DeadlineExceeded, health.TimedOut},
		{&net.DNSError{IsNotFound: true}, health.Unresolved},
		{&net.DNSError{IsTemporary: true}, health.Unresolved},
		{&net.DNSError{IsTimeout: true}, health.TimedOut},
		{system("dial", syscall.EHOSTUNREACH), health.Unreachable},
		{system("dial", syscall.ENETUNREACH), health.Unreachable},
		{system("read", syscall.EHOSTUNREACH), health.Unreachable},
		{system("dial", syscall.EPERM), health.Unreachable},
		{&net.OpError{Op: "dial", Err: httpprobe.ErrForbidden}, health.Forbidden},
		{io.ErrUnexpectedEOF, health.Garbled},
		{errors.New("malformed"), health.Garbled},
		{nil, health.Garbled},
	} {
		assert.Equal(t, c.want.String(), httpprobe.ClassForTest(t.Context(), c.err).String(), "%v", c.err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, health.TimedOut, httpprobe.ClassForTest(ended, io.EOF))
}
