package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"
)

// Paths names the files in PEM of a server: its certificate with the chain, the key of it,
// and the authorities of clients. Without the latter clients need no certificate.
type Paths struct{ Certificate, Key, ClientCAs string }

// Files is the TLS configuration that files describe. It is safe for concurrent use.
type Files struct{ configs *watched[*tls.Config] }

// New reads the files. Elapsed is a stopwatch. Changed is called after the files were read
// again, with an error where they cannot be used: then the former contents stay in use. Errors
// name the settings.
func New(p Paths, elapsed func() time.Duration, changed func(error)) (*Files, error) {
	configs, err := watch([]string{p.Certificate, p.Key, p.ClientCAs}, p.load, elapsed, changed)
	if err != nil {
		return nil, err
	}
	return &Files{configs}, nil
}

// Config returns the configuration of a server, for TLS 1.2 and newer with HTTP/2. A
// handshake examines the files where the last examination was a second ago, and uses new
// contents at once; connections that exist are unaffected.
func (f *Files) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: protocols(),
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.configs.current(), nil },
	}
}

func protocols() []string { return []string{"h2", "http/1.1"} }

func (p Paths) load() (*tls.Config, error) {
	certificate, err := pair(File{"TLS_CERT_FILE", p.Certificate}, File{"TLS_KEY_FILE", p.Key})
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: protocols(), Certificates: []tls.Certificate{certificate},
	}
	if p.ClientCAs == "" {
		return config, nil
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.ClientCAs, err = authorities(File{"TLS_CLIENT_CA_FILE", p.ClientCAs})
	if err != nil {
		return nil, err
	}
	return config, nil
}

// pair reads a certificate with its chain, and its key.
func pair(certificate, key File) (tls.Certificate, error) {
	chain, err := content(certificate.Setting, certificate.Path)
	if err != nil {
		return tls.Certificate{}, err
	}
	private, err := content(key.Setting, key.Path)
	if err != nil {
		return tls.Certificate{}, err
	}
	read, err := tls.X509KeyPair(chain, private)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s and %s: %w", certificate.Setting, key.Setting, err)
	}
	return read, nil
}

// authorities reads certificates of authorities.
func authorities(f File) (*x509.CertPool, error) {
	text, err := content(f.Setting, f.Path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: the file has no certificate in PEM", f.Setting)
	}
	return pool, nil
}
