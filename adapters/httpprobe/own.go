package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// endpoint is an address on which the service or one of its dependencies listens.
type endpoint struct {
	// host is a name or an IP address; "" is every address of this machine.
	host string
	// port is 0 for every port.
	port uint16
}

// newEndpoint reads "host:port". Without a numeric port it is every port of the host, so
// that more is refused rather than less.
func newEndpoint(text string) endpoint {
	host, name, err := net.SplitHostPort(text)
	if err != nil {
		return endpoint{host: text}
	}
	port, err := strconv.ParseUint(name, 10, 16)
	if err != nil {
		return endpoint{host: host}
	}
	return endpoint{host: host, port: uint16(port)}
}

// rejectOwn returns errForbidden for an own address. Own names are resolved for each check
// of their port; a failed look-up, except of a name that does not exist, is returned. Any
// error makes the check Forbidden (attempt.disclose), since it says nothing about the
// instance.
func (p *policy) rejectOwn(ctx context.Context, dialled netip.AddrPort) error {
	ip := dialled.Addr().Unmap()
	for _, own := range p.endpoints() {
		if own.port != 0 && own.port != dialled.Port() {
			continue
		}
		addresses, err := p.resolve(ctx, own.host)
		if err != nil {
			return err
		}
		if slices.Contains(addresses, ip) || slices.ContainsFunc(addresses, isLocal) && isLocal(ip) {
			return errForbidden
		}
	}
	return nil
}

// endpoints returns the own addresses.
func (p *policy) endpoints() []endpoint {
	if p.port == nil {
		return p.own
	}
	return append(slices.Clip(p.own), endpoint{port: p.port()})
}

func (p *policy) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if host == "" {
		return []netip.Addr{netip.IPv4Unspecified()}, nil
	}
	addresses, err := p.resolver.LookupNetIP(ctx, "ip", host)
	var missing *net.DNSError
	if errors.As(err, &missing) && missing.IsNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up an own address: %w", err)
	}
	for i, a := range addresses {
		addresses[i] = a.Unmap()
	}
	return addresses, nil
}

// isLocal reports whether an address is one of this machine. They are treated as one: a
// socket that listens on all of them is reached through each.
func isLocal(ip netip.Addr) bool {
	if ip.IsUnspecified() || ip.IsLoopback() {
		return true
	}
	local, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(local, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && prefix.Addr().Unmap() == ip.Unmap()
	})
}
