package rediscache

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// An entry is a head of fixed length, the length and checksum of its body, and the body:
//
//	SB2 <epoch> <version> <revision> <event> <length> <checksum> <body>
//
// Version and revision are in 19 digits, the body's length in 8; the event that made the
// version is a UUID, or 36 hyphens where it is not known; the checksum is the CRC-32C
// (RFC 3720, appendix B.4) of everything else in 8 hexadecimal digits.
const (
	magic       = "SB2"
	eventWidth  = 36
	lengthWidth = 8
	sumWidth    = 8
	epochWidth  = 16
	countWidth  = 19
	// The script compares heads: magic and epoch for equality, the rest for order.
	epochEnd  = len(magic) + 1 + epochWidth
	headBytes = epochEnd + 2*(1+countWidth)
	eventEnd  = headBytes + 1 + eventWidth
	restBytes = 1 + lengthWidth + 1 + sumWidth + 1
)

type entry struct {
	epoch             string
	version, revision int64
	event             string
	body              []byte
}

// text returns the encoded entry, or false for an invalid one.
func (e *entry) text() (string, bool) {
	const most = maxEntryBytes - eventEnd - restBytes
	event := cmp.Or(e.event, noEvent())
	if len(e.epoch) != epochWidth || e.version < 0 || e.revision < 0 || len(event) != eventWidth || len(e.body) > most {
		return "", false
	}
	head := fmt.Sprintf("%s %s %019d %019d %s", magic, e.epoch, e.version, e.revision, event)
	return fmt.Sprintf("%s %08d %08x %s", head, len(e.body), checksum(head, e.body), e.body), true
}

// noEvent stands for an event that is not known.
func noEvent() string { return strings.Repeat("-", eventWidth) }

// parseEntry reads an entry, or returns false where the text is none.
func parseEntry(text string) (entry, bool) {
	if len(text) < eventEnd+restBytes {
		return entry{}, false
	}
	head, rest := text[:eventEnd], text[eventEnd:]
	fields := strings.Split(head, " ")
	const inHead = 5
	if len(fields) != inHead || fields[0] != magic || len(fields[1]) != epochWidth {
		return entry{}, false
	}
	version, versionErr := strconv.ParseInt(fields[2], 10, 64)
	revision, revisionErr := strconv.ParseInt(fields[3], 10, 64)
	e := entry{epoch: fields[1], version: version, revision: revision, event: fields[4], body: []byte(rest[restBytes:])}
	if e.event == noEvent() {
		e.event = ""
	}
	want := fmt.Sprintf(" %08d %08x ", len(e.body), checksum(head, e.body))
	ok := versionErr == nil && revisionErr == nil && version >= 0 && revision >= 0 && rest[:restBytes] == want
	return e, ok
}

func checksum(head string, body []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum([]byte(head), table), table, body)
}
