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
	maxRead   = 64 << 10                   // bytes of a response: its headers, its body, a message
	userAgent = "signalbox-health-check/1" // where a check's headers name none
)

// Options restrict what checks may dial.
type Options struct {
	// Allow are private or loopback networks that may be dialled for any instance. Other
	// refused networks cannot be allowed. Only checks of these networks read bodies and
	// report how they failed.
	Allow []netip.Prefix
	// Own are the addresses of this service and of its dependencies, as "host:port";
	// ":port" is every address of this machine. They are refused, even if allowed.
	Own []string
	// Port returns the port that this service listens on, which is refused at every
	// address of this machine; while it returns 0 every port is. Nil is no port.
	Port func() uint16
	// Resolver looks up names; nil is the system's.
	Resolver *net.Resolver
}

// Prober makes health checks. It is stateless, and safe for concurrent use.
type Prober struct {
	policy *policy
	// roots are the trusted certificate authorities; nil is the system's.
	roots *x509.CertPool
}

var _ health.Prober = (*Prober)(nil)

// New returns a prober.
func New(o Options) *Prober { return &Prober{policy: newPolicy(o)} }

// Probe makes a check. It reads at most 64 KiB of the response, and returns its status
// alone. A probe without an address that could be dialled is Unreachable.
func (p *Prober) Probe(ctx context.Context, probe health.Probe) health.Result {
	started := time.Now() //nolint:forbidigo // a latency is real time, as the timeout below is
	ctx, cancel := context.WithTimeout(ctx, probe.Timeout)
	defer cancel()
	a := p.policy.attempt(probe)
	result := a.disclose(p.check(ctx, a, probe))
	result.Latency = time.Since(started) //nolint:forbidigo // as above
	return result
}

func (p *Prober) check(ctx context.Context, a *attempt, probe health.Probe) health.Result {
	switch probe.Kind {
	case health.HTTP:
		return p.http(ctx, a, probe)
	case health.TCP:
		return health.Result{Failed: a.tcp(ctx, probe)}
	case health.GRPC:
		return health.Result{Failed: a.grpc(ctx, probe)}
	}
	return health.Result{Failed: health.Unreachable}
}
