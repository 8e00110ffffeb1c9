package lifecycle_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/certificates"
	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestHTTPS serves by HTTPS and HTTP/2, and uses a new certificate without a restart.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	ca, folder := certificates.NewAuthority(t), t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	ca.Issue(t, "first").Write(t, cert, key)
	p := e2etest.Serve(t, e2etest.NewSQLite(t), "TLS_CERT_FILE="+cert, "TLS_KEY_FILE="+key, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	address := strings.Replace(p.URL, "http://", "https://", 1)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca.PEM()))
	get := func(path string) (status int, protocol, name string) {
		t.Helper()
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
		defer transport.CloseIdleConnections()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+path, http.NoBody)
		require.NoError(t, err)
		request.Header.Set("Authorization", "ApiKey "+e2etest.AdminKey(t))
		response, err := transport.RoundTrip(request)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.Equal(t, "max-age=31536000", response.Header.Get("Strict-Transport-Security"))
		return response.StatusCode, response.Proto, response.TLS.PeerCertificates[0].Subject.CommonName
	}
	status, protocol, name := get("/api/v1/config/")
	require.Equal(t, []any{http.StatusOK, "HTTP/2.0", "first"}, []any{status, protocol, name})
	plain, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/livez", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultTransport.RoundTrip(plain)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusBadRequest, response.StatusCode, "HTTP on the port of HTTPS")

	ca.Issue(t, "second").Write(t, cert, key)
	require.Eventually(t, func() bool {
		_, _, name := get("/livez")
		return name == "second"
	}, e2etest.Timeout, e2etest.PollInterval)
	require.Contains(t, p.Log.String(), "certificate reloaded")
	port := p.URL[strings.LastIndexByte(p.URL, ':')+1:]
	code, text := runCommand(t, []string{"healthcheck"}, "SERVICE_PORT="+port, "TLS_CERT_FILE="+cert, "TLS_KEY_FILE="+key)
	require.Zero(t, code, text)
}

// TestClientCertificates serves clients with a certificate alone; the health check of the
// container needs none.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	ca, folder := certificates.NewAuthority(t), t.TempDir()
	cert, key, authorities := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"), filepath.Join(folder, "ca.pem")
	ca.Issue(t, "server").Write(t, cert, key)
	ca.WritePEM(t, authorities)
	environ := []string{"TLS_CERT_FILE=" + cert, "TLS_KEY_FILE=" + key, "TLS_CLIENT_CA_FILE=" + authorities}
	p := e2etest.Serve(t, e2etest.NewSQLite(t), environ...)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca.PEM()))
	get := func(own ...tls.Certificate) error {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: own, MinVersion: tls.VersionTLS12}}
		defer transport.CloseIdleConnections()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(p.URL, "http://", "https://", 1)+"/livez", http.NoBody)
		require.NoError(t, err)
		response, err := transport.RoundTrip(request)
		if err == nil {
			require.NoError(t, response.Body.Close())
		}
		return err
	}
	require.ErrorContains(t, get(), "certificate required")
	require.NoError(t, get(ca.Issue(t, "client").Pair(t)))
	port := p.URL[strings.LastIndexByte(p.URL, ':')+1:]
	code, text := runCommand(t, []string{"healthcheck"}, append(environ, "SERVICE_PORT="+port)...)
	require.Zero(t, code, text)
}

func TestWrongCertificates(t *testing.T) {
	t.Parallel()
	ca, folder := certificates.NewAuthority(t), t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	ca.Issue(t, "a").Write(t, cert, key)
	for want, environ := range map[string][]string{
		"TLS_CERT_FILE and TLS_KEY_FILE: set both":  {"TLS_CERT_FILE=" + cert},
		"TLS_CLIENT_CA_FILE: set TLS_CERT_FILE and": {"TLS_CLIENT_CA_FILE=" + cert},
		"TLS_KEY_FILE: the file cannot be read":     {"TLS_CERT_FILE=" + cert, "TLS_KEY_FILE=" + key + ".missing"},
		"TLS_CERT_FILE and TLS_KEY_FILE: tls:":      {"TLS_CERT_FILE=" + key, "TLS_KEY_FILE=" + key},
	} {
		databaseURL := e2etest.NewSQLite(t)
		code, text := runCommand(t, []string{"serve"}, append(environ, "DATABASE_URL="+databaseURL, "SERVICE_PORT=0")...)
		require.Equal(t, 2, code, text)
		require.Contains(t, text, want)
	}
}

// TestStreamsAndBodiesByHTTP2 follows changes until the key is revoked, and sends a body
// that is too long: both have their own rules in HTTP/2.
func TestStreamsAndBodiesByHTTP2(t *testing.T) {
	t.Parallel()
	ca, folder := certificates.NewAuthority(t), t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	ca.Issue(t, "server").Write(t, cert, key)
	databaseURL := e2etest.NewSQLite(t)
	p := e2etest.Serve(t, databaseURL, "TLS_CERT_FILE="+cert, "TLS_KEY_FILE="+key, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca.PEM()))
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	ctx, cancel := context.WithTimeout(t.Context(), e2etest.Timeout)
	t.Cleanup(cancel)
	send := func(method, path, apiKey, body string) *http.Response {
		t.Helper()
		request, err := http.NewRequestWithContext(ctx, method, strings.Replace(p.URL, "http://", "https://", 1)+path, strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Authorization", "ApiKey "+apiKey)
		response, err := transport.RoundTrip(request)
		require.NoError(t, err)
		t.Cleanup(func() { _ = response.Body.Close() })
		require.Equal(t, "HTTP/2.0", response.Proto)
		return response
	}
	code, reader := runCommand(t, []string{"key", "create", "--name", "r", "--role", "reader"}, "DATABASE_URL="+databaseURL)
	require.Zero(t, code, reader)
	reader, _, _ = strings.Cut(reader, "\n")
	stream := send(http.MethodGet, "/api/v1/changes/stream?since=0", reader, "")
	require.Equal(t, http.StatusOK, stream.StatusCode)
	lines := bufio.NewScanner(stream.Body)
	await := func(want string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == want {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", want, lines.Err())
	}

	draft := `{"key":"a","value":"1","environment":"production","service_name":"shop"}`
	require.Equal(t, http.StatusCreated, send(http.MethodPost, "/api/v1/config/", e2etest.AdminKey(t), draft).StatusCode)
	await("event: change")
	long := `{"value":"` + strings.Repeat("x", 10<<20) + `"}`
	require.Equal(t, http.StatusRequestEntityTooLarge, send(http.MethodPut, "/api/v1/config/1", e2etest.AdminKey(t), long).StatusCode)
	code, text := runCommand(t, []string{"key", "revoke", strings.Split(reader, "_")[1]}, "DATABASE_URL="+databaseURL)
	require.Zero(t, code, text)
	await("event: end")
	for lines.Scan() {
		require.NotEqual(t, "event: change", lines.Text())
	}
	require.NoError(t, lines.Err(), "the stream ends")
}
