package bootstrap_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-hq/signalbox/bootstrap"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
)

// logged returns a service on a SQLite file whose output is no terminal.
func logged(t *testing.T, path string, environ ...string) service {
	t.Helper()
	environ = append([]string{"DATABASE_URL=sqlite://" + path, "SERVICE_PORT=0"}, environ...)
	s, _, err := settings.Load(environ, "", bootstrap.Descriptors().Topics())
	require.NoError(t, err)
	core, logs := observer.New(zap.InfoLevel)
	out := new(bytes.Buffer)
	return service{App: bootstrap.New(s, "test", bootstrap.Output{Out: out, Log: zap.New(core)}), out: out, logs: logs}
}

// warned returns the log as text, with the fields.
func (s service) warned() string {
	var b strings.Builder
	for _, e := range s.logs.All() {
		b.WriteString(e.Message)
		for name, value := range e.ContextMap() {
			if text, ok := value.(string); ok {
				b.WriteString(" " + name + "=" + text)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestFirstKeyWithoutTerminal(t *testing.T) {
	t.Parallel()
	const command = "signalbox key create --role admin"

	t.Run("the key is in a file that only the owner reads, and in no output", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "signalbox.db")
		s := logged(t, path)
		s.start(t)
		text, err := os.ReadFile(path + ".admin-key")
		require.NoError(t, err)
		key := strings.TrimSpace(string(text))
		status, _ := s.get(t, "/api/v1/config/", key)
		assert.Equal(t, 200, status)
		found, err := os.Stat(path + ".admin-key")
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), found.Mode().Perm())
		assert.Empty(t, s.out.String())
		assert.NotContains(t, s.warned(), key)
		assert.Contains(t, s.warned(), path+".admin-key")
	})

	t.Run("an existing file is kept, and no key is created", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "signalbox.db")
		require.NoError(t, os.WriteFile(path+".admin-key", []byte("kept"), 0o600))
		s := logged(t, path)
		s.start(t)
		text, err := os.ReadFile(path + ".admin-key")
		require.NoError(t, err)
		assert.Equal(t, "kept", string(text))
		assert.Contains(t, s.warned(), command)
		next := logged(t, filepath.Join(t.TempDir(), "other.db"))
		next.start(t)
	})

	t.Run("where no file can be written none is created, and the log names the command", func(t *testing.T) {
		t.Parallel()
		s := logged(t, ":memory:")
		s.start(t)
		assert.Empty(t, s.out.String())
		assert.Contains(t, s.warned(), command)
	})

	t.Run("a database with keys gets no file, and a given key is a warning", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "signalbox.db")
		given, other := newKey(t), newKey(t)
		for i, environ := range [][]string{{"BOOTSTRAP_ADMIN_KEY=" + given}, {"BOOTSTRAP_ADMIN_KEY=" + other}, nil} {
			s := logged(t, path, environ...)
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			require.NoError(t, s.Start(ctx))
			require.NoError(t, s.Stop(ctx))
			cancel()
			assert.Equal(t, i == 1, strings.Contains(s.warned(), "BOOTSTRAP_ADMIN_KEY ignored"), i)
			assert.NotContains(t, s.warned(), other)
			assert.NoFileExists(t, path+".admin-key")
		}
	})
}

func TestPortInUseCreatesNothing(t *testing.T) {
	t.Parallel()
	occupied, err := new(net.ListenConfig).Listen(t.Context(), "tcp", ":0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = occupied.Close() })
	_, port, err := net.SplitHostPort(occupied.Addr().String())
	require.NoError(t, err)
	dir := t.TempDir()
	s := logged(t, filepath.Join(dir, "signalbox.db"), "SERVICE_PORT="+port)
	require.ErrorContains(t, s.Start(t.Context()), "listen on port "+port+" (SERVICE_PORT)")
	created, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, created)
}

func TestFailedStartReleasesThePort(t *testing.T) {
	t.Parallel()
	s := newService(t, []string{"MIGRATE_ON_START=false"})
	require.Error(t, s.Start(t.Context()))
	again, err := new(net.ListenConfig).Listen(t.Context(), "tcp", s.Addr())
	require.NoError(t, err)
	require.NoError(t, again.Close())
}
