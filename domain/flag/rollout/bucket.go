package rollout

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// Buckets is how many buckets there are; they are numbered from 0.
const Buckets = 1_000_000

// Purpose separates the uses of one key: growing a share never changes the split inside
// it.
type Purpose string

// The purposes.
const (
	// Include decides whether a key is inside a share.
	Include Purpose = "include"
	// Variant decides which variant of an allocation a key gets.
	Variant Purpose = "variant"
)

// Key is a bucketed value: a string and the type of the value, so that the number 1 and
// the string "1" are two keys.
type Key struct {
	// Tag is 's' for a string, 'n' for a number and 'b' for a boolean.
	Tag byte
	// Text is the string itself, the number in its canonical form, "true" or "false".
	Text string
}

// Bucket returns the bucket of a key, from 0 to Buckets-1.
//
// It is the high 64 bits of the 128-bit product u × 1,000,000, where u is the
// first eight bytes, big-endian, of the SHA-256 of these bytes:
//
//	uint32(len(salt)) salt 0x00 uint32(len(purpose)) purpose 0x00 tag uint32(len(text)) text
//
// with lengths big-endian and in bytes. Other languages can read examples in
// testdata/vectors.json.
func Bucket(salt string, purpose Purpose, key Key) uint32 {
	var space [256]byte
	b := part(space[:0], salt)
	b = part(append(b, 0), string(purpose))
	b = part(append(b, 0, key.Tag), key.Text)
	sum := sha256.Sum256(b)
	high, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:8]), Buckets)
	return uint32(high) //nolint:gosec // less than Buckets
}

func part(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(text))) //nolint:gosec // keys are no longer than a request
	return append(b, text...)
}
