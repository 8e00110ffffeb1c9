package pgconnect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/uptrace/bun/driver/pgdriver"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/ports/handshake"
)

// tlsOf returns the configuration of a mode of libpq (PostgreSQL's documentation, 34.19.3
// "Protection Provided in Different Modes"), nil without TLS. Base has the authorities and
// the client's certificate; nil is none. With authorities "require" verifies as "verify-ca".
func tlsOf(mode, host string, base *tls.Config) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if base != nil {
		config = base.Clone()
	}
	config.ServerName = host
	switch mode {
	case "disable":
		return nil, nil
	case "", "allow", "prefer":
		config.InsecureSkipVerify = true
	case "require":
		config.InsecureSkipVerify = true
		if config.RootCAs != nil {
			config.VerifyConnection = verifyChain(config.RootCAs)
		}
	case "verify-ca":
		config.InsecureSkipVerify = true
		config.VerifyConnection = verifyChain(config.RootCAs)
	case "verify-full":
	default:
		return nil, fmt.Errorf("read the database URL: sslmode %w", errMode)
	}
	return config, nil
}

// The reasons for URLs that are refused.
var (
	errMode  = errors.New("must be disable, allow, prefer, require, verify-ca or verify-full")
	errFiles = errors.New("the files of certificates are in Options.TLS")
)

// verifyChain accepts a server whose certificate is of one of the authorities, whatever the
// name in it. The package tls has no configuration for that.
func verifyChain(authorities *x509.CertPool) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		options := x509.VerifyOptions{Roots: authorities, Intermediates: x509.NewCertPool()}
		for _, c := range s.PeerCertificates[1:] {
			options.Intermediates.AddCert(c)
		}
		if _, err := s.PeerCertificates[0].Verify(options); err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
		}
		return nil
	}
}

// withoutTLS reports whether an error of a connection by TLS says that the server does not
// use it, for which the driver has no code: it is neither the network's nor the server's.
func withoutTLS(err error) bool {
	return dberror.SQLState(err) == "" && dberror.Meaning(err) == nil && !errors.Is(err, context.Canceled)
}

// strictConnector names a server without TLS, to which it does not connect.
type strictConnector struct{ *pgdriver.Connector }

// Connect connects by TLS.
func (c strictConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil && withoutTLS(err) {
		return nil, fmt.Errorf("%w: %w", handshake.ErrPlain, err)
	}
	return conn, err
}
