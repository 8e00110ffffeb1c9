package httpprobe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// errForbidden is an address that checks may not dial.
var errForbidden = errors.New("checks may not dial this address")

// guard decides what checks may dial.
type guard struct {
	resolver *net.Resolver
	allow    []netip.Prefix
	refused  []netip.Prefix
	global   []netip.Prefix
	private  []netip.Prefix
	own      []endpoint
}

func newGuard(o Options) *guard {
	g := &guard{
		resolver: o.Resolver, allow: o.Allow, refused: refused(), global: globalIPv6(), private: private(),
	}
	if g.resolver == nil {
		g.resolver = net.DefaultResolver
	}
	for _, text := range o.Own {
		g.own = append(g.own, newEndpoint(text))
	}
	return g
}

// dialer returns a dialer for a check of host, for the instance of ownHost. It
// judges addresses when they are resolved, right before each connect, so that a
// name which changes in between gains nothing.
func (g *guard) dialer(host, ownHost string) *net.Dialer {
	own := sameHost(host, ownHost)
	return &net.Dialer{
		Resolver: g.resolver,
		ControlContext: func(ctx context.Context, _, address string, _ syscall.RawConn) error {
			return g.admit(ctx, address, own)
		},
	}
}

// admit returns errForbidden for a resolved "ip:port" that may not be dialled; own
// is whether it is of the instance's own host.
func (g *guard) admit(ctx context.Context, address string, own bool) error {
	dialled, err := netip.ParseAddrPort(address)
	if err != nil || !g.permits(dialled.Addr(), own) {
		return errForbidden
	}
	return g.admitOther(ctx, dialled)
}

func (g *guard) permits(ip netip.Addr, own bool) bool {
	if ip.Zone() != "" {
		return false // link-local, or made to look like another
	}
	ip = ip.Unmap()
	switch {
	case ip.IsLoopback():
		return contains(g.allow, ip)
	case ip.Is6() && !contains(g.global, ip), contains(g.refused, ip):
		return false
	case contains(g.private, ip):
		return own || contains(g.allow, ip)
	}
	return true
}

// sameHost reports whether two hosts are the same name, or the same address.
func sameHost(a, b string) bool {
	one, oneErr := netip.ParseAddr(a)
	other, otherErr := netip.ParseAddr(b)
	if oneErr == nil && otherErr == nil {
		return one.Unmap() == other.Unmap()
	}
	a, b = strings.TrimSuffix(a, "."), strings.TrimSuffix(b, ".")
	return a != "" && strings.EqualFold(a, b)
}
