package harness_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/harness"
)

func TestWorkspace(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	one, err := harness.OpenWorkspace("shared")
	require.NoError(t, err)
	other, err := harness.OpenWorkspace("shared")
	require.NoError(t, err)
	made := 0
	create := func(path string) error {
		made++
		return os.WriteFile(path, []byte("made"), 0o600)
	}
	path, err := one.File("file", create)
	require.NoError(t, err)
	again, err := other.File("file", create)
	require.NoError(t, err)
	require.Equal(t, path, again)
	require.Equal(t, 1, made, "the second user finds the file of the first")

	require.NoError(t, one.Close())
	require.FileExists(t, path, "the folder still has a user")
	require.NoError(t, other.Close())
	require.NoDirExists(t, filepath.Dir(path))

	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("left by a killed test"), 0o600))
	next, err := harness.OpenWorkspace("shared")
	require.NoError(t, err)
	_, err = next.File("file", create)
	require.NoError(t, err)
	require.Equal(t, 2, made, "files of no current user are discarded")
	require.NoError(t, next.Close())
}
