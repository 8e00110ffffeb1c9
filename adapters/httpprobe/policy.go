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

// errForbidden is an address that checks may not dial.
var errForbidden = errors.New("checks may not dial this address")

// policy decides what checks may dial.
type policy struct {
	resolver *net.Resolver
	allow    []netip.Prefix
	refused  []netip.Prefix
	global   []netip.Prefix
	special  []netip.Prefix
	own      []endpoint
	port     func() uint16
}

func newPolicy(o Options) *policy {
	p := &policy{
		resolver: o.Resolver, allow: o.Allow, port: o.Port,
		refused: refused(), global: globalIPv6(), special: special(),
	}
	if p.resolver == nil {
		p.resolver = net.DefaultResolver
	}
	for _, text := range o.Own {
		p.own = append(p.own, newEndpoint(text))
	}
	return p
}

// attempt is one check under a policy.
type attempt struct {
	policy *policy
	// source is the address of the registrant, readsBody whether the check reads a body.
	source    netip.Addr
	readsBody bool

	mu sync.Mutex
	// last is the address that was dialled last; allowed says that one of Options.Allow
	// was dialled, or would be, and disallowed that another one was.
	last                netip.Addr
	allowed, disallowed bool
	// undecided counts the addresses that may be the service's own.
	undecided int
}

// attempt begins a check. A host that is an address is recorded before it is dialled, so
// that a check that times out before the dial has it, too.
func (p *policy) attempt(probe health.Probe) *attempt {
	a := &attempt{policy: p, source: probe.Source.Unmap(), readsBody: probe.Contains != ""}
	if ip, err := netip.ParseAddr(probe.Host); err == nil {
		a.record(ip)
	}
	return a
}

// dialer returns a dialer for the check. It decides about resolved addresses, right before
// each connect, so that a name that changes in between (DNS rebinding) has no effect.
func (a *attempt) dialer() *net.Dialer {
	return &net.Dialer{
		Resolver: a.policy.resolver,
		ControlContext: func(ctx context.Context, _, address string, _ syscall.RawConn) error {
			return a.permit(ctx, address)
		},
	}
}

// permit returns errForbidden for a resolved "ip:port" that may not be dialled.
func (a *attempt) permit(ctx context.Context, address string) error {
	dialled, err := netip.ParseAddrPort(address)
	if err != nil || !a.policy.permits(dialled.Addr(), a.source) {
		return errForbidden
	}
	a.record(dialled.Addr())
	if a.readsBody && !contains(a.policy.allow, dialled.Addr().Unmap()) {
		return errForbidden
	}
	return a.rejectOwn(ctx, dialled)
}

// rejectOwn returns an error for the service's own address. It counts addresses without a
// decision: when the time is up during a look-up, the dialer reports a timeout alone.
func (a *attempt) rejectOwn(ctx context.Context, dialled netip.AddrPort) error {
	a.count(1)
	err := a.policy.rejectOwn(ctx, dialled)
	if err == nil {
		a.count(-1)
	}
	return err
}

func (a *attempt) count(undecided int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.undecided += undecided
}

func (a *attempt) record(ip netip.Addr) {
	ip = ip.Unmap().WithZone("")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = ip
	if contains(a.policy.allow, ip) {
		a.allowed = true
	} else {
		a.disallowed = true
	}
}

// disclose returns a result without what may not be disclosed. A check that did not pass
// is Forbidden where an address was rejected. Outside the allowed networks it does not say
// how a check failed, so that checks disclose no more than whether an instance is healthy.
func (a *attempt) disclose(r health.Result) health.Result {
	a.mu.Lock()
	defer a.mu.Unlock()
	r.Dialled = a.last
	if !r.Passed() && a.undecided > 0 {
		r.Failed, r.Code = health.Forbidden, 0
	}
	if a.allowed && !a.disallowed || r.Passed() || r.Failed == health.Forbidden {
		return r
	}
	r.Failed, r.Code = health.Failed, 0
	return r
}

// permits reports whether an address may be dialled for an instance that was registered
// from source.
func (p *policy) permits(ip, source netip.Addr) bool {
	if ip.Zone() != "" {
		return false // link-local, or disguised as another address
	}
	ip = ip.Unmap()
	switch {
	case ip.IsLoopback():
	case ip.Is6() && !contains(p.global, ip), contains(p.refused, ip):
		return false
	case !contains(p.special, ip):
		return true
	}
	return ip == source || contains(p.allow, ip)
}
