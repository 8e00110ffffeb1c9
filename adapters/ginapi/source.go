package ginapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedFor is where proxies name the client, each behind what it was sent.
const forwardedFor = "X-Forwarded-For"

// peer is whoever opened the connection of a request, and what it was sent with.
type peer struct {
	remote string
	header http.Header
}

// source returns the address of the client, unmapped, or the zero address where it
// is not certain: a proxy that is not trusted stands in between, or one that is
// does not say for whom. Every line of X-Forwarded-For counts, from its end: what a
// client wrote itself stands before what proxies add.
func (p peer) source(trusted []netip.Prefix) netip.Addr {
	remote, err := netip.ParseAddrPort(p.remote)
	address := remote.Addr().Unmap()
	if err != nil || address.Zone() != "" {
		return netip.Addr{}
	}
	if !inAny(trusted, address) {
		if p.forwarded() {
			return netip.Addr{}
		}
		return address
	}
	hops := strings.Split(strings.Join(p.header.Values(forwardedFor), ","), ",")
	for _, hop := range slices.Backward(hops) {
		address, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || address.Zone() != "" {
			return netip.Addr{}
		}
		if address = address.Unmap(); !inAny(trusted, address) {
			return address
		}
	}
	return netip.Addr{}
}

// forwarded reports whether a proxy, or somebody who claims to be one, has sent
// the request on.
func (p peer) forwarded() bool {
	return slices.ContainsFunc([]string{forwardedFor, "Forwarded", "X-Real-Ip", "Via"}, func(name string) bool {
		return len(p.header[name]) > 0
	})
}

func inAny(networks []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
}
