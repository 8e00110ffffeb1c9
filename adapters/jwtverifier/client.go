package jwtverifier

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const (
	// MaxAnswer bounds the answer of an issuer.
	maxAnswer = 1 << 20
	// MaxHeaders bounds its headers.
	maxHeaders = 64 << 10
	// MaxRedirects bounds the redirects that are followed.
	maxRedirects = 3
)

var (
	errScheme = errors.New("the keys of an issuer are requested by https, by http on loopback addresses only, " +
		"and not at link-local ones")
	errRedirects = errors.New("too many redirects")
	errLinkLocal = errors.New("an issuer must not have a link-local address")
	errAnswer    = errors.New("the answer of the issuer is too long")
)

// newClient returns a client for issuers: every address is checked where it is connected to,
// so that no name and no redirect leads to a link-local one. It trusts the certificates of the
// system (SSL_CERT_FILE).
func newClient() *http.Client {
	dialer := &net.Dialer{Timeout: fetchTimeout, Control: checkAddress}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: fetchTimeout,
		ResponseHeaderTimeout: fetchTimeout, MaxResponseHeaderBytes: maxHeaders,
	}
	return &http.Client{
		Transport: guarded{transport}, Timeout: fetchTimeout,
		CheckRedirect: func(_ *http.Request, before []*http.Request) error {
			if len(before) > maxRedirects {
				return errRedirects
			}
			return nil
		},
	}
}

func checkAddress(_, address string, _ syscall.RawConn) error {
	connected, err := netip.ParseAddrPort(address)
	if err != nil || isRefused(connected.Addr()) {
		return errLinkLocal
	}
	return nil
}

func isRefused(address netip.Addr) bool {
	ip := address.Unmap()
	return ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast()
}

// guarded checks the scheme and the address of every request, also of one for a proxy, and bounds its answer.
type guarded struct{ next http.RoundTripper }

// RoundTrip sends a request.
func (g guarded) RoundTrip(request *http.Request) (*http.Response, error) {
	if !isSafe(request.URL) {
		return nil, errScheme
	}
	response, err := g.next.RoundTrip(request)
	if err != nil {
		return nil, err //nolint:wrapcheck // a transport's errors are those of the one within
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: maxAnswer}
	return response, nil
}

func isSafe(u *url.URL) bool {
	address, err := netip.ParseAddr(u.Hostname())
	loopback := u.Hostname() == "localhost" || err == nil && address.Unmap().IsLoopback()
	return (err != nil || !isRefused(address)) && (u.Scheme == "https" || u.Scheme == "http" && loopback)
}

// boundedBody fails where more than left bytes are read.
type boundedBody struct {
	io.ReadCloser

	left int
}

// Read reads on.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errAnswer
	}
	return n, err //nolint:wrapcheck // a reader's errors are compared
}
