package filebacklog

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/audit"
)

// line is a record with its number in a stream.
type line struct {
	stream string
	number int64
	record audit.Record
}

// lineOf writes a line. Canonical JSON has no line breaks.
func lineOf(stream string, number int64, r audit.Record) []byte {
	text := fmt.Appendf(nil, "%s %d %s", stream, number, audit.Entry{Record: r}.Canonical())
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(text), text)
}

// parse reads a line, and reports whether it is one.
func parse(text []byte) (line, bool) {
	sum, rest, _ := bytes.Cut(bytes.TrimSuffix(text, []byte("\n")), []byte(" "))
	if want, err := strconv.ParseUint(string(sum), 16, 32); err != nil || uint32(want) != crc32.ChecksumIEEE(rest) {
		return line{}, false
	}
	stream, rest, _ := bytes.Cut(rest, []byte(" "))
	digits, canonical, _ := bytes.Cut(rest, []byte(" "))
	number, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return line{}, false
	}
	e, err := audit.Parse(canonical)
	return line{stream: string(stream), number: number, record: e.Record}, err == nil
}
