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

// endpoint is where the service, or what it stands on, listens.
type endpoint struct {
	// host is a name or an IP address; "" is every address of this machine.
	host string
	// port is 0 for every port.
	port uint16
}

// newEndpoint reads "host:port". What has no port in digits is the host with
// every port: rather too much is refused than too little.
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

// admitOther returns errForbidden for an address of the service's own. Names are
// resolved anew for each check whose port is theirs; where that cannot be done, for
// another reason than that there is no such name, it returns that error. Any error
// makes the check Forbidden (visit.tell): it says nothing about the instance.
func (g *guard) admitOther(ctx context.Context, dialled netip.AddrPort) error {
	ip := dialled.Addr().Unmap()
	for _, own := range g.endpoints() {
		if own.port != 0 && own.port != dialled.Port() {
			continue
		}
		addresses, err := g.resolve(ctx, own.host)
		if err != nil {
			return err
		}
		if slices.Contains(addresses, ip) || slices.ContainsFunc(addresses, here) && here(ip) {
			return errForbidden
		}
	}
	return nil
}

// endpoints returns all that is the service's own now.
func (g *guard) endpoints() []endpoint {
	if g.port == nil {
		return g.own
	}
	return append(slices.Clip(g.own), endpoint{port: g.port()})
}

func (g *guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if host == "" {
		return []netip.Addr{netip.IPv4Unspecified()}, nil
	}
	addresses, err := g.resolver.LookupNetIP(ctx, "ip", host)
	var missing *net.DNSError
	if errors.As(err, &missing) && missing.IsNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up an address of our own: %w", err)
	}
	for i, a := range addresses {
		addresses[i] = a.Unmap()
	}
	return addresses, nil
}

// here reports whether an address is one of this machine. Any of them may stand
// for any other: what listens on all is reached through each.
func here(ip netip.Addr) bool {
	if ip.IsUnspecified() || ip.IsLoopback() {
		return true
	}
	mine, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(mine, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && prefix.Addr().Unmap() == ip.Unmap()
	})
}
