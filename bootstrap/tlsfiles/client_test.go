package tlsfiles_test

import (
	"crypto/tls"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/bootstrap/tlsfiles"
	"github.com/signalbox-hq/signalbox/test/certificates"
)

// clientOf names files as the settings A, C and K do.
func clientOf(f certificates.Files) tlsfiles.Client {
	return tlsfiles.Client{
		Authorities: tlsfiles.File{Setting: "A", Path: f.Authority},
		Certificate: tlsfiles.File{Setting: "C", Path: f.Certificate}, Key: tlsfiles.File{Setting: "K", Path: f.Key},
	}
}

func TestClient(t *testing.T) {
	t.Parallel()
	ca := certificates.NewAuthority(t)
	server, files := serve(t, ca, true), ca.Files(t, "client")
	var elapsed time.Duration
	var reports []error
	config, err := clientOf(files).Config(func() time.Duration { return elapsed }, func(err error) { reports = append(reports, err) })
	require.NoError(t, err)
	connects := func() error {
		named := config.Clone()
		named.ServerName = "localhost"
		_, _, err := server.handshake(t, named)
		return err
	}
	require.NoError(t, connects())
	certificates.NewAuthority(t).Issue(t, "of another authority").Write(t, files.Certificate, files.Key)
	require.NoError(t, connects(), "the files are examined a second later")
	elapsed = time.Second
	require.Error(t, connects())
	ca.Issue(t, "a later client").Write(t, files.Certificate, files.Key)
	elapsed = 2 * time.Second
	require.NoError(t, connects())
	require.NoError(t, os.WriteFile(files.Key, []byte("no key"), 0o600))
	elapsed = 3 * time.Second
	require.NoError(t, connects(), "the former certificate stays in use")
	require.Len(t, reports, 3)
	require.ErrorContains(t, reports[2], "C and K: tls:")

	other := certificates.NewAuthority(t).Files(t, "client")
	config, err = clientOf(other).Config(func() time.Duration { return 0 }, nil)
	require.NoError(t, err)
	verification := new(tls.CertificateVerificationError)
	require.ErrorAs(t, connects(), &verification)
}

func TestClientFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	files := certificates.NewAuthority(t).Files(t, "client")
	for want, change := range map[string]func(*certificates.Files){
		"A: the file cannot be read: no such file or directory": func(f *certificates.Files) { f.Authority = "/canary" },
		"A: the file has no certificate in PEM":                 func(f *certificates.Files) { f.Authority = f.Key },
		"C: the file cannot be read: no such file or directory": func(f *certificates.Files) { f.Certificate = "/canary" },
		"K: the file cannot be read: no such file or directory": func(f *certificates.Files) { f.Key = "/canary" },
		"C and K: tls: failed to find certificate PEM data":     func(f *certificates.Files) { f.Certificate = f.Key },
	} {
		wrong := files
		change(&wrong)
		_, err := clientOf(wrong).Config(func() time.Duration { return 0 }, nil)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "canary")
	}
}
