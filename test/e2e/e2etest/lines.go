package e2etest

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Lines collects the output of a program and lets tests wait for a line.
type Lines struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

// NewLines returns an empty collection.
func NewLines() *Lines { return &Lines{changed: make(chan struct{})} }

// Write adds output and wakes waiting tests.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

// String returns the complete output.
func (l *Lines) String() string {
	text, _ := l.read()
	return text
}

func (l *Lines) read() (text string, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.changed
}

// Find returns the first complete line that contains part, or "".
func (l *Lines) Find(part string) string {
	text, _ := l.read()
	return lineWith(text, part)
}

// Await waits for a line that contains part and returns it. The test fails if ended is
// closed before, or after the timeout.
func (l *Lines) Await(tb testing.TB, part string, ended <-chan struct{}) string {
	tb.Helper()
	deadline := time.After(Timeout)
	for {
		text, changed := l.read()
		if line := lineWith(text, part); line != "" {
			return line
		}
		select {
		case <-changed:
		case <-ended:
			require.FailNow(tb, "the program exited without writing "+part, "it wrote: %s", l)
		case <-deadline:
			require.FailNow(tb, "the program did not write "+part, "it wrote: %s", l)
		}
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.HasSuffix(line, "\n") && strings.Contains(line, part) {
			return strings.TrimSuffix(line, "\n")
		}
	}
	return ""
}
