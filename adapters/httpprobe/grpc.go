package httpprobe

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// errUsed is a second dial of a check, which has one connection.
var errUsed = errors.New("a check has one connection")

// grpc calls the standard health service, in plain text. The connection is dialled before
// the client is created, so that its errors are known.
func (a *attempt) grpc(ctx context.Context, probe health.Probe) health.Class {
	dialled, err := a.dial(ctx, probe)
	if err != nil {
		return classOf(ctx, err)
	}
	conn := &recordingConn{Conn: dialled}
	defer func() { _ = conn.Close() }() // a second close, where the client has used it
	client, err := newClient(conn, probe.Address)
	if err != nil {
		return health.Unreachable
	}
	defer func() { _ = client.Close() }() // the call has ended
	var header, trailer metadata.MD
	reply, err := grpc_health_v1.NewHealthClient(client).Check(ctx,
		&grpc_health_v1.HealthCheckRequest{Service: probe.Service}, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		return classOfStatus(ctx, status.Code(err), len(header)+len(trailer) > 0, conn.firstError())
	}
	if reply.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return health.WrongStatus
	}
	return 0
}

// newClient returns a client on a connection, which neither resolves names nor dials.
func newClient(conn net.Conn, address string) (*grpc.ClientConn, error) {
	conns := make(chan net.Conn, 1)
	conns <- conn
	return grpc.NewClient("passthrough:///"+address, //nolint:wrapcheck // the caller maps it to a class
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case c := <-conns:
				return c, nil
			default:
				return nil, errUsed
			}
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithUserAgent(userAgent),
		grpc.WithMaxHeaderListSize(maxRead),
		grpc.WithStaticStreamWindowSize(maxRead),
		grpc.WithStaticConnWindowSize(maxRead),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxRead)),
	)
}

// classOfStatus returns the class of a failed call, by whether there was a response: the
// client itself sets codes, too, and reports connection errors only as text.
func classOfStatus(ctx context.Context, code codes.Code, responded bool, conn error) health.Class {
	switch {
	case ctx.Err() != nil, code == codes.DeadlineExceeded && !responded:
		return health.TimedOut
	case responded:
		return health.WrongStatus
	}
	return classOf(ctx, conn)
}

// recordingConn records the first error of a connection.
type recordingConn struct {
	net.Conn

	first atomic.Pointer[error]
}

// Read reads as the connection does.
func (c *recordingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	return n, c.record(err)
}

// Write writes as the connection does.
func (c *recordingConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	return n, c.record(err)
}

func (c *recordingConn) record(err error) error {
	if err != nil {
		c.first.CompareAndSwap(nil, &err)
	}
	return err
}

// firstError returns the first error, nil for none.
func (c *recordingConn) firstError() error {
	if err := c.first.Load(); err != nil {
		return *err
	}
	return nil
}
