package tlsfiles_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/bootstrap/tlsfiles"
	"github.com/signalbox-hq/signalbox/test/certificates"
)

// served is a configuration from files, with control of its stopwatch and its reports.
type served struct {
	paths   tlsfiles.Paths
	elapsed time.Duration
	reports []error
	config  *tls.Config
}

func serve(t *testing.T, ca certificates.Authority, clients bool) *served {
	t.Helper()
	folder := t.TempDir()
	s := &served{paths: tlsfiles.Paths{
		Certificate: filepath.Join(folder, "cert.pem"), Key: filepath.Join(folder, "key.pem"),
	}}
	ca.Issue(t, "first").Write(t, s.paths.Certificate, s.paths.Key)
	if clients {
		s.paths.ClientCAs = filepath.Join(folder, "ca.pem")
		ca.WritePEM(t, s.paths.ClientCAs)
	}
	files, err := tlsfiles.New(s.paths, func() time.Duration { return s.elapsed }, func(err error) {
		s.reports = append(s.reports, err)
	})
	require.NoError(t, err)
	s.config = files.Config()
	return s
}

// handshake returns the name in the certificate that the server presents, and the
// connection's state.
func (s *served) handshake(t *testing.T, client *tls.Config) (string, tls.ConnectionState, error) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		server := tls.Server(conn, s.config)
		_, _ = server.Write([]byte("x"))
		_ = server.Close()
	}()
	conn, err := (&tls.Dialer{Config: client}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		return "", tls.ConnectionState{}, err
	}
	defer func() { _ = conn.Close() }()
	c, isTLS := conn.(*tls.Conn)
	require.True(t, isTLS)
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		return "", tls.ConnectionState{}, err
	}
	state := c.ConnectionState()
	return state.PeerCertificates[0].Subject.CommonName, state, nil
}

func trusting(ca certificates.Authority) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	return &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: []string{"h2"}}
}

func TestReload(t *testing.T) {
	t.Parallel()
	ca := certificates.NewAuthority(t)
	s := serve(t, ca, false)
	presents := func(want string) {
		t.Helper()
		name, state, err := s.handshake(t, trusting(ca))
		require.NoError(t, err)
		assert.Equal(t, want, name)
		assert.Equal(t, "h2", state.NegotiatedProtocol)
	}
	presents("first")
	ca.Issue(t, "the second").Write(t, s.paths.Certificate, s.paths.Key)
	presents("first")
	assert.Empty(t, s.reports)
	s.elapsed = time.Second
	presents("the second")
	assert.Equal(t, []error{nil}, s.reports)

	require.NoError(t, os.WriteFile(s.paths.Key, []byte("no key"), 0o600))
	for i := range 5 {
		s.elapsed += time.Duration(i) * time.Second
		presents("the second")
	}
	require.Len(t, s.reports, 2, "a file that cannot be used is reported once")
	require.ErrorContains(t, s.reports[1], "TLS_CERT_FILE and TLS_KEY_FILE")
	require.NoError(t, os.Remove(s.paths.Key))
	s.elapsed += time.Second
	presents("the second")
	require.ErrorContains(t, s.reports[2], "TLS_KEY_FILE: the file cannot be read: no such file or directory")
	ca.Issue(t, "a third one").Write(t, s.paths.Certificate, s.paths.Key)
	s.elapsed += time.Second
	presents("a third one")
}

func TestVersionsAndClients(t *testing.T) {
	t.Parallel()
	ca, other := certificates.NewAuthority(t), certificates.NewAuthority(t)
	plain, mutual := serve(t, ca, false), serve(t, ca, true)
	old := trusting(ca)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	_, _, err := plain.handshake(t, old)
	require.Error(t, err, "TLS 1.1 is refused")
	_, _, err = plain.handshake(t, trusting(other))
	require.Error(t, err)

	_, _, err = mutual.handshake(t, trusting(ca))
	require.Error(t, err, "a client needs a certificate")
	with := func(issuer certificates.Authority) *tls.Config {
		c := trusting(ca)
		c.Certificates = []tls.Certificate{issuer.Issue(t, "client").Pair(t)}
		return c
	}
	_, _, err = mutual.handshake(t, with(other))
	require.Error(t, err, "of one of the authorities")
	_, _, err = mutual.handshake(t, with(ca))
	require.NoError(t, err)
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	ca := certificates.NewAuthority(t)
	folder := t.TempDir()
	cert, key, text := filepath.Join(folder, "cert"), filepath.Join(folder, "key"), filepath.Join(folder, "text")
	ca.Issue(t, "a").Write(t, cert, key)
	require.NoError(t, os.WriteFile(text, []byte("x"), 0o600))
	otherCert, otherKey := filepath.Join(folder, "cert2"), filepath.Join(folder, "key2")
	ca.Issue(t, "b").Write(t, otherCert, otherKey)
	for want, paths := range map[string]tlsfiles.Paths{
		"TLS_CERT_FILE: the file cannot be read: no such file or directory": {Certificate: "/canary", Key: key},
		"TLS_KEY_FILE: the file cannot be read: no such file or directory":  {Certificate: cert, Key: "/canary"},
		"failed to find any PEM data in certificate input":                  {Certificate: text, Key: key},
		"private key does not match public key":                             {Certificate: cert, Key: otherKey},
		"TLS_CLIENT_CA_FILE: the file has no certificate in PEM":            {Certificate: cert, Key: key, ClientCAs: text},
	} {
		_, err := tlsfiles.New(paths, func() time.Duration { return 0 }, nil)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "canary")
	}
}
