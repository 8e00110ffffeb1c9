package httpprobe

import (
	"context"
	"fmt"
	"net"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// tcp connects, and closes the connection.
func (a *attempt) tcp(ctx context.Context, probe health.Probe) health.Class {
	conn, err := a.dial(ctx, probe)
	if err != nil {
		return classOf(ctx, err)
	}
	_ = conn.Close() // the connection is the result
	return 0
}

// dial connects to the address of a probe, if the policy permits it.
func (a *attempt) dial(ctx context.Context, probe health.Probe) (net.Conn, error) {
	conn, err := a.dialer().DialContext(ctx, "tcp", probe.Address)
	if err != nil {
		return nil, fmt.Errorf("dial for a check: %w", err)
	}
	return conn, nil
}
