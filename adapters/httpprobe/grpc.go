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

// errSpent says that a check's one connection was used.
var errSpent = errors.New("a check has one connection")

// grpc asks the standard health service, in plain text. The connection is dialled
// before the client is made, so that its errors are seen as they are.
func (v *visit) grpc(ctx context.Context, probe health.Probe) health.Class {
	dialled, err := v.dial(ctx, probe)
	if err != nil {
		return classOf(ctx, err)
	}
	conn := &witness{Conn: dialled}
	defer func() { _ = conn.Close() }() // where the client did not take it; else it is closed already
	client, err := newClient(conn, probe.Address)
	if err != nil {
		return health.Unreachable
	}
	defer func() { _ = client.Close() }() // nothing more is wanted of it
	var header, trailer metadata.MD
	answer, err := grpc_health_v1.NewHealthClient(client).Check(ctx,
		&grpc_health_v1.HealthCheckRequest{Service: probe.Service}, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		return classOfStatus(ctx, status.Code(err), len(header)+len(trailer) > 0, conn.saw())
	}
	if answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return health.WrongStatus
	}
	return 0
}

// newClient returns a client on a connection. It resolves no name, and cannot dial
// by itself.
func newClient(conn net.Conn, address string) (*grpc.ClientConn, error) {
	conns := make(chan net.Conn, 1)
	conns <- conn
	return grpc.NewClient("passthrough:///"+address, //nolint:wrapcheck // its reader makes a class of it
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case c := <-conns:
				return c, nil
			default:
				return nil, errSpent
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

// classOfStatus returns the class of a call that failed, by whether anything was
// answered: codes come from the client itself, too, which tells the error of a
// connection only in words.
func classOfStatus(ctx context.Context, code codes.Code, answered bool, conn error) health.Class {
	switch {
	case ctx.Err() != nil, code == codes.DeadlineExceeded && !answered:
		return health.TimedOut
	case answered:
		return health.WrongStatus
	}
	return classOf(ctx, conn)
}

// witness remembers the first error of a connection.
type witness struct {
	net.Conn

	first atomic.Pointer[error]
}

// Read reads as the connection does.
func (w *witness) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	return n, w.note(err)
}

// Write writes as the connection does.
func (w *witness) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	return n, w.note(err)
}

func (w *witness) note(err error) error {
	if err != nil {
		w.first.CompareAndSwap(nil, &err)
	}
	return err
}

// saw returns the first error, nil if there was none.
func (w *witness) saw() error {
	if err := w.first.Load(); err != nil {
		return *err
	}
	return nil
}
