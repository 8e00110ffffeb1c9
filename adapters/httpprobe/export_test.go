package httpprobe

import (
	"context"
	"crypto/x509"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// ConnectForTest asks what every dial asks before it connects to a resolved
// "ip:port", in a check of host for the instance of ownHost.
func (p *Prober) ConnectForTest(ctx context.Context, host, ownHost, address string) error {
	return p.guard.dialer(host, ownHost).ControlContext(ctx, "tcp", address, nil)
}

// TrustForTest makes certificates of others than the system's roots trusted.
func (p *Prober) TrustForTest(roots *x509.CertPool) { p.roots = roots }

// ErrForbidden is what the guard refuses with.
var ErrForbidden = errForbidden

// ClassForTest returns the class of an error of a connection.
func ClassForTest(ctx context.Context, err error) health.Class { return classOf(ctx, err) }
