package harness

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Workspace is a folder that the test binaries of one "go test" share, so that what
// several of them need is made once. It needs flock.
type Workspace struct {
	dir   string
	users *os.File
	mu    sync.Mutex
}

// OpenWorkspace returns the folder of that name. It is empty for its first user.
func OpenWorkspace(name string) (*Workspace, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("open workspace %s: %w", name, err)
	}
	for filepath.Dir(here) != here && missing(filepath.Join(here, "go.mod")) {
		here = filepath.Dir(here)
	}
	key := fnv.New64a()
	_, _ = key.Write([]byte(here))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d-%x", name, os.Getppid(), key.Sum64()))
	for {
		w, err := openWorkspace(dir)
		if err != nil {
			return nil, fmt.Errorf("open workspace %s: %w", name, err)
		}
		if w != nil {
			return w, nil
		}
	}
}

// openWorkspace returns nil if the last user removed the folder meanwhile.
func openWorkspace(dir string) (*Workspace, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "users")
	users, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if flock(users, syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		// What killed tests left may be of an older version.
		err = clearExcept(dir, path)
	}
	err = errors.Join(err, flock(users, syscall.LOCK_SH))
	opened, statErr := users.Stat()
	current, pathErr := os.Stat(path)
	if err == nil && statErr == nil && pathErr == nil && os.SameFile(opened, current) {
		return &Workspace{dir: dir, users: users}, nil
	}
	_ = users.Close()
	return nil, err
}

// File returns the path of a file that create makes if no other user of the folder has.
func (w *Workspace) File(name string, create func(path string) error) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	path := filepath.Join(w.dir, name)
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("lock %s: %w", name, err)
	}
	defer func() { _ = lock.Close() }()
	if err := flock(lock, syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", name, err)
	}
	if !missing(path) {
		return path, nil
	}
	if err := create(path + ".new"); err != nil {
		return "", err
	}
	return path, os.Rename(path+".new", path)
}

// Close removes the folder if it has no other user.
func (w *Workspace) Close() error {
	defer func() { _ = w.users.Close() }()
	if flock(w.users, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil
	}
	return os.RemoveAll(w.dir)
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func clearExcept(dir, path string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if one := filepath.Join(dir, e.Name()); one != path {
			err = errors.Join(err, os.RemoveAll(one))
		}
	}
	return err
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist)
}
