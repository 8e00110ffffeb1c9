package handshake_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/ports/handshake"
)

func TestRefusal(t *testing.T) {
	t.Parallel()
	names := handshake.Names{Server: "Redis", Address: "HOST", Authorities: "CA", Certificate: "CERT and KEY", Plain: "TLS=false"}
	for _, row := range []struct {
		name, want string
		err        error
	}{
		{"nil is none", "", nil},
		{"a refused connection is none", "", &net.OpError{Op: "dial", Err: errors.New("refused")}},
		{
			"an unknown authority", "the certificate of Redis cannot be verified: set CA to the authority that issued it",
			&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		},
		{
			"an expired certificate", "the certificate of Redis has expired or is not valid yet: renew it",
			&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}},
		},
		{
			"another name", "the certificate of Redis is for another name: set HOST to a name in it",
			&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}},
		},
		{
			"an alert of the server", "Redis refuses the TLS handshake: set CERT and KEY to a client certificate",
			&net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")},
		},
		{"a port without TLS", "Redis does not use TLS on this port: configure it there, or set TLS=false", tls.RecordHeaderError{}},
		{"a server without TLS", "Redis does not use TLS on this port", handshake.ErrPlain},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if row.err != nil {
				row.err = fmt.Errorf("connect: %w", row.err)
			}
			why := handshake.Refusal(row.err, names)
			if row.want == "" {
				require.NoError(t, why)
				return
			}
			require.ErrorIs(t, why, row.err)
			assert.ErrorContains(t, why, row.want)
		})
	}
}
