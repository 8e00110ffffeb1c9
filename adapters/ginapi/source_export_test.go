package ginapi

import (
	"net/http"
	"net/netip"
)

// SourceForTest returns where a request of that peer is from.
func SourceForTest(remote string, header http.Header, trusted []netip.Prefix) netip.Addr {
	return peer{remote: remote, header: header}.source(trusted)
}
