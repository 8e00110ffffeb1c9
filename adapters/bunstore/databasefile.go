package bunstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// databaseFile is the SQLite file that was opened. A process that goes on with a
// file that was deleted or replaced would acknowledge writes that nothing can read
// after it ends.
type databaseFile struct {
	path   string
	opened os.FileInfo
}

func watchFile(path string) (*databaseFile, error) {
	opened, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &databaseFile{path: path, opened: opened}, nil
}

// check returns nil if the file at the path is the one that was opened, else
// fault.ErrUnavailable. A nil file is always the one.
func (f *databaseFile) check() error {
	if f == nil {
		return nil
	}
	found, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.ErrUnavailable.WithCause(fmt.Errorf(
			"the database file %s was deleted while it was open: restore it, and restart the service", f.path))
	case err == nil && !os.SameFile(f.opened, found):
		return fault.ErrUnavailable.WithCause(fmt.Errorf(
			"the database file %s was replaced while it was open: restart the service", f.path))
	}
	return nil
}

// ServeAlone takes the lock that one serving process holds on a SQLite file until
// its store is closed. A lock that another process holds is an error at once:
// two services on one file would end each other's leases. Commands do not take it.
func (s *Store) ServeAlone(context.Context) error {
	if s.path == "" {
		return nil
	}
	serving := flock.New(s.path + ".serve.lock")
	taken, err := serving.TryLock()
	if err != nil {
		return fault.ErrUnavailable.WithCause(fmt.Errorf("lock %s: %w", serving.Path(), err))
	}
	if !taken {
		return fmt.Errorf("another 'signalbox serve' has %s open: stop it first, "+
			"or use PostgreSQL for more than one replica", s.path)
	}
	s.serving = serving
	return nil
}
