package e2etest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/bootstrap"
	"github.com/signalbox-hq/signalbox/domain/secret"
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
	return s.client(s.Command(tb, args...))
}

// Encryption returns the settings that enable encryption under a new key.
func Encryption(tb testing.TB) []string {
	tb.Helper()
	key, err := fernetcipher.GenerateKey()
	require.NoError(tb, err)
	return []string{"ENABLE_ENCRYPTION=true", "ENCRYPTION_KEY=" + key.Reveal()}
}

// SealUnderAnotherKey replaces the stored tokens of all encrypted values, also in the history, by one that
// the service's key does not open.
func SealUnderAnotherKey(tb testing.TB, databaseURL string) {
	tb.Helper()
	key, err := fernetcipher.GenerateKey()
	require.NoError(tb, err)
	cipher, err := fernetcipher.New(key, true)
	require.NoError(tb, err)
	token, err := cipher.Encrypt(tb.Context(), secret.New("another"))
	require.NoError(tb, err)
	db := OpenDatabase(tb, databaseURL)
	for column, of := range map[string]string{
		"value":     "configurations SET value = '%s' WHERE is_encrypted AND value IS NOT NULL",
		"old_value": "configuration_history SET old_value = '%s' WHERE old_encrypted AND old_value IS NOT NULL",
		"new_value": "configuration_history SET new_value = '%s' WHERE new_encrypted AND new_value IS NOT NULL",
	} {
		_, err := db.ExecContext(tb.Context(), fmt.Sprintf("UPDATE "+of, token))
		require.NoError(tb, err, column)
	}
}

// Program returns a client with a new key of the role service.
func (s *Server) Program(tb testing.TB) Client {
	tb.Helper()
	return s.client(s.Command(tb, "key", "create", "--name", "a program", "--role", "service"))
}
