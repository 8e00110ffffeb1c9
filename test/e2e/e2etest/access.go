package e2etest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/bootstrap"
)

// Command runs a command of the program in this process, on the service's
// database, and returns what it printed.
func (s *Server) Command(tb testing.TB, args ...string) string {
	tb.Helper()
	out, notes := NewLines(), NewLines()
	code := bootstrap.Run(tb.Context(), bootstrap.Process{
		Version: "e2e", Args: args, Environ: []string{"DATABASE_URL=" + s.DatabaseURL}, Out: out, Err: notes,
	})
	require.Zero(tb, code, "%s", notes)
	return strings.TrimSpace(out.String())
}

// Reader returns a client with a new key of the role reader.
func (s *Server) Reader(tb testing.TB, flags ...string) Client {
	tb.Helper()
	args := append([]string{"key", "create", "--name", "a reader", "--role", "reader"}, flags...)
	return Client{URL: s.URL, Key: s.Command(tb, args...)}
}

// Encryption returns the settings that enable encryption under a new key.
func Encryption(tb testing.TB) []string {
	tb.Helper()
	key, err := fernetcipher.GenerateKey()
	require.NoError(tb, err)
	return []string{"ENABLE_ENCRYPTION=true", "ENCRYPTION_KEY=" + key.Reveal()}
}

// Program returns a client with a new key of the role service.
func (s *Server) Program(tb testing.TB) Client {
	tb.Helper()
	return Client{URL: s.URL, Key: s.Command(tb, "key", "create", "--name", "a program", "--role", "service")}
}
