package filebacklog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/filebacklog"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
)

// most is the size of files: ten records of the contract have a place.
const most = 10*361 + 100

func open(t *testing.T, path string) *filebacklog.File {
	t.Helper()
	f, err := filebacklog.Open(path, most)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() }) // where the test has not
	return f
}

func TestAuditBacklogContract(t *testing.T) {
	t.Parallel()
	contract.AuditBacklog(t, func(t *testing.T) contract.Backlog {
		path := filepath.Join(t.TempDir(), "backlog")
		var opened func(t *testing.T) contract.Backlog
		opened = func(t *testing.T) contract.Backlog {
			f := open(t, path)
			return contract.Backlog{AuditBacklog: f, Full: 11, Reopen: func(t *testing.T) contract.Backlog {
				require.NoError(t, f.Close())
				return opened(t)
			}}
		}
		return opened(t)
	}, nil)
}

func record(id string) audit.Record {
	return audit.Record{Action: "a", Outcome: audit.Done, Count: 1, Resource: audit.Resource{ID: id}}
}

// ids returns the records that a file has, and how many are damaged.
func ids(t *testing.T, f *filebacklog.File) (list []string, damaged int64) {
	t.Helper()
	for {
		batch, err := f.Next(100)
		require.NoError(t, err)
		if batch.Empty() {
			return list, damaged
		}
		for _, r := range batch.Records {
			list = append(list, r.Resource.ID)
		}
		damaged += batch.Damaged
		require.NoError(t, f.Remove())
	}
}

// TestCutFiles cuts a file at every byte, as a crash may.
func TestCutFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "whole")
	f := open(t, path)
	require.NoError(t, f.Append("s", 1, record("1"), record("2")))
	require.NoError(t, f.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	first := strings.IndexByte(string(whole), '\n') + 1
	for cut := range len(whole) + 1 {
		path := filepath.Join(t.TempDir(), "cut")
		require.NoError(t, os.WriteFile(path, whole[:cut], 0o600))
		f := open(t, path)
		require.NoError(t, f.Append("s", 3, record("3")))
		list, damaged := ids(t, f)
		want := []string{"3"}
		switch {
		case cut == len(whole):
			want = []string{"1", "2", "3"}
		case cut >= first:
			want = []string{"1", "3"}
		}
		assert.Equal(t, want, list, cut)
		assert.Zero(t, damaged, cut)
		require.NoError(t, f.Close())
	}
}

// TestDamagedLines changes each byte of the first line.
func TestDamagedLines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "whole")
	f := open(t, path)
	require.NoError(t, f.Append("s", 1, record("1"), record("2")))
	require.NoError(t, f.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for at := range strings.IndexByte(string(whole), '\n') {
		path := filepath.Join(t.TempDir(), "damaged")
		damagedFile := append([]byte(nil), whole...)
		damagedFile[at] = 'x'
		require.NoError(t, os.WriteFile(path, damagedFile, 0o600))
		f := open(t, path)
		list, damaged := ids(t, f)
		assert.Equal(t, []string{"2"}, list, at)
		assert.Equal(t, int64(1), damaged, at)
		require.NoError(t, f.Close())
	}
}

// TestOneProcess opens a file twice.
func TestOneProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "backlog")
	f := open(t, path)
	_, err := filebacklog.Open(path, most)
	require.ErrorContains(t, err, "another process uses it")
	require.NoError(t, f.Close())
	require.NoError(t, open(t, path).Close())
}

// TestOnlyTheOwnerReads creates a file, whatever the umask.
func TestOnlyTheOwnerReads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "backlog")
	open(t, path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = filebacklog.Open(filepath.Join(t.TempDir(), "missing", "backlog"), most)
	require.ErrorContains(t, err, "missing")
}

// TestFailedWritesLeaveNothing appends to a file that was closed.
func TestFailedWritesLeaveNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "backlog")
	f := open(t, path)
	require.NoError(t, f.Append("s", 1, record("1")))
	require.NoError(t, f.Close())
	require.Error(t, f.Append("s", 2, record("2")))
	require.NotErrorIs(t, f.Append("s", 2, record("2")), ports.ErrBacklogFull)
	list, _ := ids(t, open(t, path))
	assert.Equal(t, []string{"1"}, list)
}
