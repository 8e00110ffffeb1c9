package tlsfiles

import (
	"crypto/tls"
	"time"
)

// File is a file in PEM and the setting that names it. The path is empty where the setting is
// not set.
type File struct{ Setting, Path string }

// Client names the files with which a client connects to a server: the authorities of the
// server's certificate, without which they are those of the system, and the client's own
// certificate with its chain, and the key of it, without which it has none.
type Client struct{ Authorities, Certificate, Key File }

// Config reads the files and returns the configuration of a client, for TLS 1.2 and newer. A
// handshake examines the certificate and the key where the last examination was a second ago,
// and uses new contents at once; connections that exist are unaffected. The authorities are
// read once. Elapsed and changed are those of New. Errors name the settings.
func (c Client) Config(elapsed func() time.Duration, changed func(error)) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.Authorities.Path != "" {
		var err error
		if config.RootCAs, err = authorities(c.Authorities); err != nil {
			return nil, err
		}
	}
	if c.Certificate.Path == "" {
		return config, nil
	}
	load := func() (*tls.Certificate, error) {
		read, err := pair(c.Certificate, c.Key)
		return &read, err
	}
	own, err := watch([]string{c.Certificate.Path, c.Key.Path}, load, elapsed, changed)
	if err != nil {
		return nil, err
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return own.current(), nil
	}
	return config, nil
}
