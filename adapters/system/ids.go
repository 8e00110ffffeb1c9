package system

import (
	"bufio"
	"crypto/rand"
	"sync"

	"github.com/google/uuid"

	"github.com/signalbox-hq/signalbox/ports"
)

// IDs generates identifiers from the system's randomness.
type IDs struct {
	mu sync.Mutex
	// buffered reads randomness for UUIDs a page at a time.
	buffered *bufio.Reader
}

var _ ports.IDs = (*IDs)(nil)

// NewIDs returns a source of identifiers.
func NewIDs() *IDs { return &IDs{buffered: bufio.NewReader(rand.Reader)} }

// UUID returns a new UUID of version 7, which ascend within a process.
func (i *IDs) UUID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return uuid.Must(uuid.NewV7FromReader(i.buffered)).String()
}

const (
	base62Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	// The greatest multiple of 62 in a byte. Bytes from there on are discarded, so
	// that all digits are equally likely.
	uniform = 256 / 62 * 62
)

// Base62 returns n digits of 0-9A-Za-z with a uniform distribution.
func (*IDs) Base62(n int) string {
	digits := make([]byte, 0, n)
	random := make([]byte, n+n/16+8)
	for len(digits) < n {
		_, _ = rand.Read(random) // it never fails: crypto/rand ends the program instead
		for _, b := range random {
			if b < uniform && len(digits) < n {
				digits = append(digits, base62Digits[b%62])
			}
		}
	}
	return string(digits)
}
