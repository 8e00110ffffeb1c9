package rediscache

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// An entry is a JSON object for every reader. Its first member is for Signalbox alone: a
// head of fixed length, and the length and checksum of the other members.
//
//	{"_signalbox":"SB3 <epoch> <version> <revision> <event> <length> <checksum>", …}
//
// Version and revision are in 19 digits, the length in 8; the event that made the version is
// a UUID, or 36 hyphens where it is not known; the checksum is the CRC-32C (RFC 3720,
// appendix B.4) of everything else in 8 hexadecimal digits. An entry of version 0 says that
// nothing exists under the key.
const (
	open        = `{"_signalbox":"`
	magic       = "SB3"
	eventWidth  = 36
	lengthWidth = 8
	sumWidth    = 8
	epochWidth  = 16
	countWidth  = 19
	// The script compares heads: magic and epoch for equality, the rest for order.
	epochEnd  = len(open) + len(magic) + 1 + epochWidth
	headBytes = epochEnd + 2*(1+countWidth)
	eventEnd  = headBytes + 1 + eventWidth
	restBytes = 1 + lengthWidth + 1 + sumWidth + len(`"`)
)

// absent is the body of an entry of version 0.
const absent = `{"exists":false}`

type entry struct {
	epoch             string
	version, revision int64
	event             string
	// body is a JSON object with at least one member.
	body []byte
}

// text returns the encoded entry, or false for an invalid one.
func (e *entry) text() (string, bool) {
	const most = maxEntryBytes - eventEnd - restBytes
	event := cmp.Or(e.event, noEvent())
	members, ok := bytes.CutPrefix(e.body, []byte("{"))
	ok = ok && len(e.epoch) == epochWidth && len(event) == eventWidth && len(members) <= most
	if !ok || e.version < 0 || e.revision < 0 {
		return "", false
	}
	head := fmt.Sprintf("%s%s %s %019d %019d %s", open, magic, e.epoch, e.version, e.revision, event)
	return fmt.Sprintf(`%s %08d %08x",%s`, head, len(members), checksum(head, members), members), true
}

// noEvent stands for an event that is not known.
func noEvent() string { return strings.Repeat("-", eventWidth) }

// parseEntry reads an entry, or returns false where the text is none.
func parseEntry(text string) (entry, bool) {
	if len(text) < eventEnd+restBytes+len(",") || !strings.HasPrefix(text, open) {
		return entry{}, false
	}
	head, rest := text[:eventEnd], text[eventEnd:]
	fields := strings.Split(head[len(open):], " ")
	const inHead = 5
	if len(fields) != inHead || fields[0] != magic || len(fields[1]) != epochWidth {
		return entry{}, false
	}
	version, versionErr := strconv.ParseInt(fields[2], 10, 64)
	revision, revisionErr := strconv.ParseInt(fields[3], 10, 64)
	// The comma after the first member becomes the brace before the others.
	body := []byte(rest[restBytes:])
	members := body[1:]
	e := entry{epoch: fields[1], version: version, revision: revision, event: fields[4], body: body}
	if e.event == noEvent() {
		e.event = ""
	}
	want := fmt.Sprintf(` %08d %08x",`, len(members), checksum(head, members))
	ok := versionErr == nil && revisionErr == nil && version >= 0 && revision >= 0 && rest[:restBytes+1] == want
	body[0] = '{'
	return e, ok
}

func checksum(head string, members []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum([]byte(head), table), table, members)
}
