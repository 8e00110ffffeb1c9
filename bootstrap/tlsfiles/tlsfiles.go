package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// checkInterval bounds how often the files are examined.
const checkInterval = time.Second

// Paths names the files in PEM of a server: its certificate with the chain, the key of it,
// and the authorities of clients. Without the latter clients need no certificate.
type Paths struct{ Certificate, Key, ClientCAs string }

// Files is the TLS configuration that files describe. It is safe for concurrent use.
type Files struct {
	paths   Paths
	elapsed func() time.Duration
	changed func(error)

	mu      sync.Mutex
	config  *tls.Config
	read    [3]version
	checked time.Duration
}

// version tells contents of a file apart.
type version struct {
	modified time.Time
	size     int64
}

// New reads the files. Elapsed is a stopwatch. Changed is called after the files were read
// again, with an error where they cannot be used: then the former contents stay in use. Errors
// name the settings.
func New(p Paths, elapsed func() time.Duration, changed func(error)) (*Files, error) {
	f := &Files{paths: p, elapsed: elapsed, changed: changed, checked: elapsed(), read: p.versions()}
	var err error
	if f.config, err = p.load(); err != nil {
		return nil, err
	}
	return f, nil
}

// Config returns the configuration of a server, for TLS 1.2 and newer with HTTP/2. A
// handshake examines the files where the last examination was a second ago, and uses new
// contents at once; connections that exist are unaffected.
func (f *Files) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: protocols(),
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.current(), nil },
	}
}

func protocols() []string { return []string{"h2", "http/1.1"} }

func (f *Files) current() *tls.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.elapsed()
	if now-f.checked < checkInterval {
		return f.config
	}
	f.checked = now
	read := f.paths.versions()
	if read == f.read {
		return f.config
	}
	f.read = read // contents that cannot be used are reported once
	config, err := f.paths.load()
	if err == nil {
		f.config = config
	}
	f.changed(err)
	return f.config
}

// versions returns the versions of the files; that of a missing one is zero.
func (p Paths) versions() (all [3]version) {
	for i, path := range []string{p.Certificate, p.Key, p.ClientCAs} {
		if info, err := os.Stat(path); err == nil {
			all[i] = version{info.ModTime(), info.Size()}
		}
	}
	return all
}

func (p Paths) load() (*tls.Config, error) {
	chain, err := content("TLS_CERT_FILE", p.Certificate)
	if err != nil {
		return nil, err
	}
	key, err := content("TLS_KEY_FILE", p.Key)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("TLS_CERT_FILE and TLS_KEY_FILE: %w", err)
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: protocols(), Certificates: []tls.Certificate{certificate},
	}
	if p.ClientCAs == "" {
		return config, nil
	}
	authorities, err := content("TLS_CLIENT_CA_FILE", p.ClientCAs)
	if err != nil {
		return nil, err
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(authorities) {
		return nil, errNoAuthorities
	}
	return config, nil
}

var errNoAuthorities = errors.New("TLS_CLIENT_CA_FILE: the file has no certificate in PEM")

// content reads the file of a setting. Errors do not contain its path, which may be a secret
// that was given to the wrong setting.
func content(setting, path string) ([]byte, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the file cannot be read: %w", setting, err)
	}
	return text, nil
}
