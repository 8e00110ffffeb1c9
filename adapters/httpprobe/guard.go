package httpprobe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// errForbidden is a check that may not be made.
var errForbidden = errors.New("checks may not dial this address")

// guard decides what checks may dial.
type guard struct {
	resolver *net.Resolver
	allow    []netip.Prefix
	refused  []netip.Prefix
	global   []netip.Prefix
	special  []netip.Prefix
	own      []endpoint
	port     func() uint16
}

func newGuard(o Options) *guard {
	g := &guard{
		resolver: o.Resolver, allow: o.Allow, port: o.Port,
		refused: refused(), global: globalIPv6(), special: special(),
	}
	if g.resolver == nil {
		g.resolver = net.DefaultResolver
	}
	for _, text := range o.Own {
		g.own = append(g.own, newEndpoint(text))
	}
	return g
}

// visit is one check, as the guard sees it.
type visit struct {
	guard *guard
	// source is who registered the instance, reads whether the check looks into a body.
	source netip.Addr
	reads  bool

	mu sync.Mutex
	// last is what was dialled last; outside says that an address was dialled, or
	// would be, that is not allowed by name, and inside that one was that is.
	last            netip.Addr
	inside, outside bool
	// unjudged counts the addresses that were not found to be others than the
	// service's own.
	unjudged int
}

// visit begins a check. A host that is an address counts as dialled before it is,
// so that a check which is too late to dial it still tells so.
func (g *guard) visit(p health.Probe) *visit {
	v := &visit{guard: g, source: p.Source.Unmap(), reads: p.Contains != ""}
	if ip, err := netip.ParseAddr(p.Host); err == nil {
		v.note(ip)
	}
	return v
}

// dialer returns a dialer for the check. It judges addresses when they are
// resolved, right before each connect, so that a name which changes in between
// gains nothing.
func (v *visit) dialer() *net.Dialer {
	return &net.Dialer{
		Resolver: v.guard.resolver,
		ControlContext: func(ctx context.Context, _, address string, _ syscall.RawConn) error {
			return v.admit(ctx, address)
		},
	}
}

// admit returns errForbidden for a resolved "ip:port" that may not be dialled.
func (v *visit) admit(ctx context.Context, address string) error {
	dialled, err := netip.ParseAddrPort(address)
	if err != nil || !v.guard.permits(dialled.Addr(), v.source) {
		return errForbidden
	}
	v.note(dialled.Addr())
	if v.reads && !contains(v.guard.allow, dialled.Addr().Unmap()) {
		return errForbidden
	}
	return v.admitOther(ctx, dialled)
}

// admitOther asks the guard, and remembers an address that the guard did not admit:
// when the time is up while a name is looked up, the dialler's error is that alone.
func (v *visit) admitOther(ctx context.Context, dialled netip.AddrPort) error {
	v.count(1)
	err := v.guard.admitOther(ctx, dialled)
	if err == nil {
		v.count(-1)
	}
	return err
}

func (v *visit) count(unjudged int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.unjudged += unjudged
}

func (v *visit) note(ip netip.Addr) {
	ip = ip.Unmap().WithZone("")
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last = ip
	if contains(v.guard.allow, ip) {
		v.inside = true
	} else {
		v.outside = true
	}
}

// tell returns a result as far as it may be told. A check that did not pass is
// Forbidden where an address was not admitted. Outside the networks that are
// allowed, nothing says in what way a check failed, so that checks find out no
// more than whether an instance is well.
func (v *visit) tell(r health.Result) health.Result {
	v.mu.Lock()
	defer v.mu.Unlock()
	r.Dialled = v.last
	if !r.Passed() && v.unjudged > 0 {
		r.Failed, r.Code = health.Forbidden, 0
	}
	if v.inside && !v.outside || r.Passed() || r.Failed == health.Forbidden {
		return r
	}
	r.Failed, r.Code = health.Failed, 0
	return r
}

// permits reports whether an address may be dialled for an instance that was
// registered from source.
func (g *guard) permits(ip, source netip.Addr) bool {
	if ip.Zone() != "" {
		return false // link-local, or made to look like another
	}
	ip = ip.Unmap()
	switch {
	case ip.IsLoopback():
	case ip.Is6() && !contains(g.global, ip), contains(g.refused, ip):
		return false
	case !contains(g.special, ip):
		return true
	}
	return ip == source || contains(g.allow, ip)
}
