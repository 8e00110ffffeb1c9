package httpprobe

import (
	"context"
	"crypto/x509"
	"net/netip"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// ConnectForTest makes the decision of a dial to a resolved "ip:port", in a check of an
// instance that was registered from source.
func (p *Prober) ConnectForTest(ctx context.Context, source netip.Addr, address string) error {
	return p.policy.attempt(health.Probe{Source: source}).dialer().ControlContext(ctx, "tcp", address, nil)
}

// TrustForTest replaces the system's roots.
func (p *Prober) TrustForTest(roots *x509.CertPool) { p.roots = roots }

// ErrForbidden is the error of forbidden addresses.
var ErrForbidden = errForbidden

// ClassForTest returns the class of an error of a connection.
func ClassForTest(ctx context.Context, err error) health.Class { return classOf(ctx, err) }
