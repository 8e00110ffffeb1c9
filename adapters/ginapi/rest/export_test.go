package rest

import (
	"net/http"
	"net/netip"
)

// SourceForTest returns the address of the client of a request.
func SourceForTest(remote string, header http.Header, trusted []netip.Prefix) netip.Addr {
	return peer{remote: remote, header: header}.source(trusted)
}

// TraceParentForTest returns the trace that a request's headers name.
func TraceParentForTest(h http.Header) string { return traceParent(h) }
