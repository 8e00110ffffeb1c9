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

// Issue returns a certificate of that name for servers on this machine, and for clients.
func (a Authority) Issue(tb testing.TB, name string) Certificate {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: serial(tb), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	key := newKey(tb)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	require.NoError(tb, err)
	text, err := x509.MarshalECPrivateKey(key)
	require.NoError(tb, err)
	return Certificate{encode("CERTIFICATE", der), encode("EC PRIVATE KEY", text)}
}

// Write writes the certificate and its key into files.
func (c Certificate) Write(tb testing.TB, certificate, key string) {
	tb.Helper()
	require.NoError(tb, os.WriteFile(certificate, c.certificate, 0o600))
	require.NoError(tb, os.WriteFile(key, c.key, 0o600))
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
