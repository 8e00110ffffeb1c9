package system

import (
	"bufio"
	"crypto/rand"
	"sync"

	"github.com/google/uuid"

	"github.com/signalbox-hq/signalbox/ports"
)

// IDs draws identifiers from the system's randomness.
type IDs struct {
	mu sync.Mutex
	// buffered is randomness for UUIDs, asked of the system a page at a time.
	buffered *bufio.Reader
}

var _ ports.IDs = (*IDs)(nil)

// NewIDs returns the system's source of identifiers.
func NewIDs() *IDs { return &IDs{buffered: bufio.NewReader(rand.Reader)} }

// UUID returns a new UUID of version 7. Within a process they ascend.
func (i *IDs) UUID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return uuid.Must(uuid.NewV7FromReader(i.buffered)).String()
}

const (
	base62Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	// The greatest multiple of 62 that a byte can count to: bytes from there on
	// are drawn again, so that every digit is as likely as the others.
	fair = 256 / 62 * 62
)

// Base62 returns n digits of 0-9A-Za-z, each drawn alike.
func (*IDs) Base62(n int) string {
	digits := make([]byte, 0, n)
	random := make([]byte, n+n/16+8)
	for len(digits) < n {
		_, _ = rand.Read(random) // never fails: crypto/rand stops the program first
		for _, b := range random {
			if b < fair && len(digits) < n {
				digits = append(digits, base62Digits[b%62])
			}
		}
	}
	return string(digits)
}
