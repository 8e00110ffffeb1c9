package bunstore_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestDatabaseFile(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (store *bunstore.Store, path string) {
		t.Helper()
		path = filepath.Join(t.TempDir(), "signalbox.db")
		return storetest.Migrated(t, storetest.OpenSQLite(t, path, storetest.Options())), path
	}
	save := func(t *testing.T, store *bunstore.Store, key string) error {
		t.Helper()
		return configstore.New(store).Save(t.Context(), fixture.Configuration(t, fixture.Key(key)))
	}

	t.Run("a new database, its log and its locks are for their owner alone", func(t *testing.T) {
		t.Parallel()
		store, path := setup(t)
		require.NoError(t, save(t, store, "first"))
		files, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		names := make([]string, len(files))
		for i, f := range files {
			info, err := f.Info()
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name())
			names[i] = f.Name()
		}
		assert.Subset(t, names, []string{"signalbox.db", "signalbox.db-wal", "signalbox.db-shm"})
	})

	t.Run("an existing file keeps its mode, with a warning", func(t *testing.T) {
		t.Parallel()
		for bits, warnings := range map[uint32]int{0o600: 0, 0o644: 1, 0o640: 1} {
			mode := os.FileMode(bits)
			path := filepath.Join(t.TempDir(), "signalbox.db")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, os.Chmod(path, mode))
			core, logs := observer.New(zap.WarnLevel)
			options := storetest.Options()
			options.Log = zap.New(core)
			storetest.OpenSQLite(t, path, options)
			found, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, mode, found.Mode().Perm())
			assert.Equal(t, warnings, logs.FilterMessageSnippet("accessible to other users").Len(), mode)
		}
	})

	t.Run("a write to a deleted file is rejected, and the ping fails", func(t *testing.T) {
		t.Parallel()
		store, path := setup(t)
		require.NoError(t, save(t, store, "before"))
		require.NoError(t, os.Remove(path))
		err := save(t, store, "after")
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.ErrorContains(t, err, "was deleted while it was open")
		require.ErrorIs(t, store.Ping(t.Context()), fault.ErrUnavailable)
	})

	t.Run("a write to a replaced file is rejected", func(t *testing.T) {
		t.Parallel()
		store, path := setup(t)
		require.NoError(t, os.Rename(path, path+".old"))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.ErrorContains(t, save(t, store, "after"), "was replaced while it was open")
	})

	t.Run("a missing file is rejected with Options.Existing, and no file is created", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		o := storetest.Options()
		o.Existing = true
		_, err := bunstore.OpenSQLite(t.Context(), filepath.Join(dir, "signalbox.db"), o)
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.ErrorContains(t, err, filepath.Join(dir, "signalbox.db"))
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, left)
	})

	t.Run("one store serves a file at a time", func(t *testing.T) {
		t.Parallel()
		store, path := setup(t)
		require.NoError(t, store.ServeAlone(t.Context()))
		second, err := bunstore.OpenSQLite(t.Context(), path, storetest.Options())
		require.NoError(t, err, "a command may open it")
		require.ErrorContains(t, second.ServeAlone(t.Context()), "another 'signalbox serve'")
		require.NoError(t, second.Close())
	})

	t.Run("a file has one lock for all its paths", func(t *testing.T) {
		t.Parallel()
		store, path := setup(t)
		require.NoError(t, store.ServeAlone(t.Context()))
		link := filepath.Join(t.TempDir(), "link.db")
		require.NoError(t, os.Symlink(path, link))
		second := storetest.OpenSQLite(t, link, storetest.Options())
		require.ErrorContains(t, second.ServeAlone(t.Context()), "another 'signalbox serve'")
	})

	t.Run("a file of another program is rejected, and no file is changed or created", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "other.db")
		db, err := sql.Open("sqlite", path)
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), "CREATE TABLE configurations (id integer); INSERT INTO configurations VALUES (1)")
		require.NoError(t, err)
		require.NoError(t, db.Close())
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, existing := range []bool{false, true} {
			o := storetest.Options()
			o.Existing = existing
			_, err = bunstore.OpenSQLite(t.Context(), path, o)
			require.ErrorContains(t, err, "tables of another program (configurations)")
		}
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, before, after)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Len(t, left, 1)
	})

	t.Run("a closed store releases the file", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "signalbox.db")
		for range 2 {
			store, err := bunstore.OpenSQLite(t.Context(), path, storetest.Options())
			require.NoError(t, err)
			require.NoError(t, store.ServeAlone(t.Context()))
			require.NoError(t, store.Close())
		}
	})

	t.Run("an intact file passes the check, a damaged one does not", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "signalbox.db")
		store, err := bunstore.OpenSQLite(t.Context(), path, storetest.Options())
		require.NoError(t, err)
		storetest.Migrated(t, store)
		require.NoError(t, store.QuickCheck(t.Context()))
		require.NoError(t, store.Close())

		damagePageOf(t, path, "outbox")
		damaged := storetest.OpenSQLite(t, path, storetest.Options())
		require.ErrorContains(t, damaged.QuickCheck(t.Context()), "the database file is damaged")
	})
}

// damagePageOf overwrites the first page of a table.
func damagePageOf(t *testing.T, path, table string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	var size, page int64
	require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA page_size").Scan(&size))
	require.NoError(t, db.QueryRowContext(t.Context(),
		"SELECT rootpage FROM sqlite_master WHERE name = ?", table).Scan(&page))
	require.NoError(t, db.Close())
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteAt(bytes.Repeat([]byte{0x5a}, int(size)), (page-1)*size)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}
