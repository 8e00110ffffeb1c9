package httpprobe

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

const (
	maxRead   = 64 << 10                   // of an answer: its headers, its body, a message
	userAgent = "signalbox-health-check/1" // where a check's headers name none
)

// Options say what checks may dial.
type Options struct {
	// Allow are networks that may be dialled for any instance: private ones, and
	// loopback. Nothing else that is refused can be allowed. Only there are bodies
	// looked into, and is told in what way a check failed.
	Allow []netip.Prefix
	// Own are the addresses of this service and of what it stands on, as "host:port";
	// ":port" is every address of this machine. They are refused, even if allowed.
	Own []string
	// Port returns the port that this service listens on, which is refused at every
	// address of this machine; 0 while it is not known, which refuses every port. Nil
	// is none.
	Port func() uint16
	// Resolver looks up names; nil is the system's.
	Resolver *net.Resolver
}

// Prober makes health checks. It is safe for concurrent use, and keeps nothing
// from one check to the next.
type Prober struct {
	guard *guard
	// roots are who may sign certificates; nil is the system's.
	roots *x509.CertPool
}

var _ health.Prober = (*Prober)(nil)

// New returns a prober.
func New(o Options) *Prober { return &Prober{guard: newGuard(o)} }

// Probe makes a check. Of what is answered it reads at most 64 KiB, and keeps the
// status alone. A probe that names nothing which could be dialled is Unreachable.
func (p *Prober) Probe(ctx context.Context, probe health.Probe) health.Result {
	ctx, cancel := context.WithTimeout(ctx, probe.Timeout)
	defer cancel()
	started := time.Now() //nolint:forbidigo // a latency is real time, as the timeout above is
	visit := p.guard.visit(probe)
	result := visit.tell(p.check(ctx, visit, probe))
	result.Latency = time.Since(started) //nolint:forbidigo // as above
	return result
}

func (p *Prober) check(ctx context.Context, v *visit, probe health.Probe) health.Result {
	switch probe.Kind {
	case health.HTTP:
		return p.http(ctx, v, probe)
	case health.TCP:
		return health.Result{Failed: v.tcp(ctx, probe)}
	case health.GRPC:
		return health.Result{Failed: v.grpc(ctx, probe)}
	}
	return health.Result{Failed: health.Unreachable}
}
