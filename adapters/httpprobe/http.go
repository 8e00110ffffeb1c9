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

// http makes one request. It asks a transport, and no client: that would follow
// redirects and keep cookies.
func (p *Prober) http(ctx context.Context, v *visit, probe health.Probe) health.Result {
	var untrusted atomic.Bool // set where connections are made, which a timeout leaves behind
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { untrusted.Store(err != nil) },
	})
	request, err := newRequest(traced, probe)
	if err != nil {
		return health.Result{Failed: health.Unreachable}
	}
	transport := p.transport(v)
	defer transport.CloseIdleConnections() // ends a dial that was left behind, too
	response, err := transport.RoundTrip(request)
	if err != nil {
		class := classOf(ctx, err)
		if class == health.Garbled && untrusted.Load() {
			class = health.Untrusted
		}
		return health.Result{Failed: class}
	}
	defer func() { _ = response.Body.Close() }() // nothing more is wanted of it
	return health.Result{Failed: judge(ctx, response, probe), Code: response.StatusCode}
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

// transport returns one for a single request: without a proxy, without
// compression, and with a connection that is not kept.
func (p *Prober) transport(v *visit) *http.Transport {
	return &http.Transport{
		DialContext:            v.dialer().DialContext,
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

// judge reads an answer as far as it is to be read.
func judge(ctx context.Context, response *http.Response, probe health.Probe) health.Class {
	if !slices.ContainsFunc(probe.Expect, func(r health.Range) bool {
		return r.First <= response.StatusCode && response.StatusCode <= r.Last
	}) {
		return health.WrongStatus
	}
	var body []byte
	if response.StatusCode != http.StatusSwitchingProtocols { // what follows it is no body
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
