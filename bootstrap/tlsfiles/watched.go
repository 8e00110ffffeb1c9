package tlsfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"
)

// checkInterval bounds how often the files are examined.
const checkInterval = time.Second

// watched is what files contain. It is safe for concurrent use.
type watched[T any] struct {
	paths   []string
	load    func() (T, error)
	elapsed func() time.Duration
	changed func(error)

	mu      sync.Mutex
	value   T
	read    []version
	checked time.Duration
}

// version tells contents of a file apart.
type version struct {
	modified time.Time
	size     int64
}

// watch loads the files. Elapsed is a stopwatch. Changed is called after the files were
// loaded again, with an error where they cannot be used: then the former value stays in use.
func watch[T any](
	paths []string, load func() (T, error), elapsed func() time.Duration, changed func(error),
) (*watched[T], error) {
	w := &watched[T]{
		paths: paths, load: load, elapsed: elapsed, changed: changed, checked: elapsed(), read: versions(paths),
	}
	var err error
	if w.value, err = load(); err != nil {
		return nil, err
	}
	return w, nil
}

// current returns the value, loaded again where the files have changed. It examines them
// where the last examination was a second ago.
func (w *watched[T]) current() T {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.elapsed()
	if now-w.checked < checkInterval {
		return w.value
	}
	w.checked = now
	read := versions(w.paths)
	if slices.Equal(read, w.read) {
		return w.value
	}
	w.read = read // contents that cannot be used are reported once
	value, err := w.load()
	if err == nil {
		w.value = value
	}
	w.changed(err)
	return w.value
}

// versions returns the versions of files; that of a missing one is zero.
func versions(paths []string) []version {
	all := make([]version, len(paths))
	for i, path := range paths {
		if info, err := os.Stat(path); err == nil {
			all[i] = version{info.ModTime(), info.Size()}
		}
	}
	return all
}

// content reads the file of a setting. Errors do not contain its path, which may be a secret
// that was given to the wrong setting.
func content(setting, path string) ([]byte, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the file cannot be read: %w", setting, err)
	}
	return text, nil
}
