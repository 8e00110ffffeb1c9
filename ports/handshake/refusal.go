package handshake

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// Names are what messages call a server and the settings of its connection.
type Names struct {
	// Server is the product, such as "Redis".
	Server string
	// Address, Authorities and Certificate are the settings of the server's address, of
	// the authorities of its certificate, and of the client's own certificate with its key.
	Address, Authorities, Certificate string
	// Plain is the setting, with its value, that connects without TLS.
	Plain string
}

// ErrPlain is a server that has answered that it does not use TLS.
var ErrPlain = errors.New("the server does not use TLS")

// Refusal returns why a handshake failed and what to do; it wraps err. Nil means that err is
// nil or is no failure of a handshake.
func Refusal(err error, n Names) error {
	if why := n.reason(err); why != "" {
		return fmt.Errorf("%s (%w)", why, err)
	}
	return nil
}

func (n Names) reason(err error) string {
	var header tls.RecordHeaderError
	if errors.As(err, &header) || errors.Is(err, ErrPlain) {
		return fmt.Sprintf("%s does not use TLS on this port: configure it there, or set %s", n.Server, n.Plain)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("the certificate of %s is for another name: set %s to a name in it", n.Server, n.Address)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return fmt.Sprintf("the certificate of %s has expired or is not valid yet: renew it", n.Server)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Sprintf("the certificate of %s cannot be verified: set %s to the authority that issued it",
			n.Server, n.Authorities)
	}
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" {
		return fmt.Sprintf("%s refuses the TLS handshake: set %s to a client certificate and its key that it accepts",
			n.Server, n.Certificate)
	}
	return ""
}
