package e2etest

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Lines collects what a program writes and lets tests wait for a line.
type Lines struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func NewLines() *Lines { return &Lines{changed: make(chan struct{})} }

// Write takes what was written and wakes whoever waits.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

// String returns all that was written.
func (l *Lines) String() string {
	text, _ := l.read()
	return text
}

func (l *Lines) read() (text string, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.changed
}

// Find returns the first whole line that holds part, or "".
func (l *Lines) Find(part string) string {
	text, _ := l.read()
	return lineWith(text, part)
}

// Await returns the first line that holds part, when it is there. If ended is
// closed before, or it takes too long, the test fails.
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
			require.FailNow(tb, "the program ended and did not write "+part, "it wrote: %s", l)
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
