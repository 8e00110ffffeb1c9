package peer

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedFor is the header to which each proxy appends the address of its client.
const forwardedFor = "X-Forwarded-For"

// Peer is the other end of a request's connection, with the request's header.
type Peer struct {
	Remote string
	Header http.Header
}

// Source returns the address of the client, unmapped, or the zero address where it
// is not certain: a proxy that is not trusted forwarded the request, or a trusted one
// names no client. Every line of X-Forwarded-For counts, from its end: entries that a
// client wrote itself precede those that proxies append.
func (p Peer) Source(trusted []netip.Prefix) netip.Addr {
	remote, err := netip.ParseAddrPort(p.Remote)
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
	hops := strings.Split(strings.Join(p.Header.Values(forwardedFor), ","), ",")
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

// forwarded reports whether the request claims to come from a proxy.
func (p Peer) forwarded() bool {
	return slices.ContainsFunc([]string{forwardedFor, "Forwarded", "X-Real-Ip", "Via"}, func(name string) bool {
		return len(p.Header[name]) > 0
	})
}

func inAny(networks []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
}

// traceLength is that of "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".
const traceLength = 55

// TraceParent returns the caller's trace, as W3C Trace Context (3.2) writes it in version
// 00; later versions begin alike. Anything else is no trace.
func TraceParent(h http.Header) string {
	sent := h["Traceparent"]
	if len(sent) != 1 || len(sent[0]) < traceLength {
		return ""
	}
	trace, more := sent[0][:traceLength], sent[0][traceLength:]
	if more != "" && (more[0] != '-' || trace[:2] == "00") || !isTrace(trace) {
		return ""
	}
	return trace
}

// isTrace reports whether a string of that length is a version, two ids that are not
// zero, and flags.
func isTrace(s string) bool {
	for i := range len(s) {
		dash := i == 2 || i == 35 || i == 52
		hex := '0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f'
		if dash != (s[i] == '-') || !dash && !hex {
			return false
		}
	}
	return s[:2] != "ff" && strings.Trim(s[3:35], "0") != "" && strings.Trim(s[36:52], "0") != ""
}

// IsPlain reports whether a string is 1 to most of A-Z a-z 0-9 . _ and -, and so can be
// shown and logged anywhere.
func IsPlain(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
