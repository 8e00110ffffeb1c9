// Package filebacklog keeps records for the audit log in a local file while the database
// is away.
//
// A line is a checksum, a stream, a number in it, and the record as canonical JSON. Lines
// are only appended; the file is emptied when all of them were removed.
package filebacklog
