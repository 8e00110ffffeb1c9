package e2e_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lines collects what a program writes and lets tests wait for a line.
type lines struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newLines() *lines { return &lines{changed: make(chan struct{})} }

// Write takes what was written and wakes whoever waits.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

// String returns all that was written.
func (l *lines) String() string {
	text, _ := l.read()
	return text
}

func (l *lines) read() (text string, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.changed
}

// find returns the first whole line that holds part, or "".
func (l *lines) find(part string) string {
	text, _ := l.read()
	return lineWith(text, part)
}

// await returns the first line that holds part, when it is there. If ended is
// closed before, or it takes too long, the test fails.
func (l *lines) await(tb testing.TB, part string, ended <-chan struct{}) string {
	tb.Helper()
	deadline := time.After(patience)
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
