package httpprobe

import (
	"context"
	"fmt"
	"net"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// tcp connects, and hangs up.
func (v *visit) tcp(ctx context.Context, probe health.Probe) health.Class {
	conn, err := v.dial(ctx, probe)
	if err != nil {
		return classOf(ctx, err)
	}
	_ = conn.Close() // the answer is that there was one
	return 0
}

// dial connects to the address of a probe, as the guard permits.
func (v *visit) dial(ctx context.Context, probe health.Probe) (net.Conn, error) {
	conn, err := v.dialer().DialContext(ctx, "tcp", probe.Address)
	if err != nil {
		return nil, fmt.Errorf("dial for a check: %w", err)
	}
	return conn, nil
}
