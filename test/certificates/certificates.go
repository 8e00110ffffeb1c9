package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Authority issues certificates.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// Certificate is a certificate with its key, in PEM.
type Certificate struct{ certificate, key []byte }

// NewAuthority returns a new authority.
func NewAuthority(tb testing.TB) Authority {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: serial(tb), Subject: pkix.Name{CommonName: "tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key := newKey(tb)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(tb, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return Authority{certificate, key}
}

// PEM returns the authority's certificate.
func (a Authority) PEM() []byte { return encode("CERTIFICATE", a.certificate.Raw) }

// WritePEM writes the authority's certificate into a file.
func (a Authority) WritePEM(tb testing.TB, path string) {
	tb.Helper()
	require.NoError(tb, os.WriteFile(path, a.PEM(), 0o600))
}

// Issue returns a certificate of that name for clients, and for servers at some host names
// or, without any, on this machine.
func (a Authority) Issue(tb testing.TB, name string, hosts ...string) Certificate {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: serial(tb), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames:    hosts,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if len(hosts) == 0 {
		template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	key := newKey(tb)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	require.NoError(tb, err)
	text, err := x509.MarshalPKCS8PrivateKey(key) // the one form that Kafka reads
	require.NoError(tb, err)
	return Certificate{encode("CERTIFICATE", der), encode("PRIVATE KEY", text)}
}

// Write writes the certificate and its key into files.
func (c Certificate) Write(tb testing.TB, certificate, key string) {
	tb.Helper()
	require.NoError(tb, os.WriteFile(certificate, c.certificate, 0o600))
	require.NoError(tb, os.WriteFile(key, c.key, 0o600))
}

// Files are the paths of a certificate, of its key, and of the authority that issued it.
type Files struct{ Certificate, Key, Authority string }

// Files returns a certificate of Issue in files of a folder of its own.
func (a Authority) Files(tb testing.TB, name string, hosts ...string) Files {
	tb.Helper()
	folder := tb.TempDir()
	f := Files{
		Certificate: filepath.Join(folder, "cert.pem"), Key: filepath.Join(folder, "key.pem"),
		Authority: filepath.Join(folder, "ca.pem"),
	}
	a.Issue(tb, name, hosts...).Write(tb, f.Certificate, f.Key)
	a.WritePEM(tb, f.Authority)
	return f
}

// Client returns a configuration that trusts the authority and has the certificate.
func (f Files) Client(tb testing.TB) *tls.Config {
	tb.Helper()
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	require.NoError(tb, err)
	text, err := os.ReadFile(f.Authority)
	require.NoError(tb, err)
	roots := x509.NewCertPool()
	require.True(tb, roots.AppendCertsFromPEM(text))
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

// Pair returns the certificate for a configuration of crypto/tls.
func (c Certificate) Pair(tb testing.TB) tls.Certificate {
	tb.Helper()
	pair, err := tls.X509KeyPair(c.certificate, c.key)
	require.NoError(tb, err)
	return pair
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	return key
}

func serial(tb testing.TB) *big.Int {
	tb.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(tb, err)
	return n
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
