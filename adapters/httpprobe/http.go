package httpprobe

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// http makes one request, by a transport: a client would follow redirects and store
// cookies.
func (p *Prober) http(ctx context.Context, a *attempt, probe health.Probe) health.Result {
	var untrusted atomic.Bool // set by connections, which outlive a timeout
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { untrusted.Store(err != nil) },
	})
	request, err := newRequest(traced, probe)
	if err != nil {
		return health.Result{Failed: health.Unreachable}
	}
	transport := p.transport(a)
	defer transport.CloseIdleConnections() // ends an unfinished dial, too
	response, err := transport.RoundTrip(request)
	if err != nil {
		class := classOf(ctx, err)
		if class == health.Garbled && untrusted.Load() {
			class = health.Untrusted
		}
		return health.Result{Failed: class}
	}
	defer func() { _ = response.Body.Close() }() // the rest is not read
	return health.Result{Failed: evaluate(ctx, response, probe), Code: response.StatusCode}
}

func newRequest(ctx context.Context, probe health.Probe) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, probe.Method, probe.URL, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("read the URL of a check: %w", err)
	}
	request.Header.Set("User-Agent", userAgent)
	for name, value := range probe.Headers {
		request.Header.Set(name, value)
	}
	return request, nil
}

// transport returns a transport for a single request: without a proxy, compression or
// connection reuse.
func (p *Prober) transport(a *attempt) *http.Transport {
	return &http.Transport{
		DialContext:            a.dialer().DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: p.roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxRead,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerConnection: maxRead,
			MaxReceiveBufferPerStream:     maxRead,
		},
	}
}

// evaluate reads a response, and returns its class.
func evaluate(ctx context.Context, response *http.Response, probe health.Probe) health.Class {
	if !slices.ContainsFunc(probe.Expect, func(r health.Range) bool {
		return r.First <= response.StatusCode && response.StatusCode <= r.Last
	}) {
		return health.WrongStatus
	}
	var body []byte
	if response.StatusCode != http.StatusSwitchingProtocols { // it has no body
		var err error
		if body, err = io.ReadAll(io.LimitReader(response.Body, maxRead)); err != nil {
			return classOf(ctx, err)
		}
	}
	if !bytes.Contains(body, []byte(probe.Contains)) {
		return health.WrongBody
	}
	return 0
}
