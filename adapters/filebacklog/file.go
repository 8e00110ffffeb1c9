package filebacklog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/ports"
)

// File is a backlog in a file.
type File struct {
	file *os.File
	lock *flock.Flock
	// most is the largest size in bytes.
	most int64
	// size is the end of the last complete line, start the first one that was not removed,
	// and next what Remove makes of it.
	size, start, next int64
}

var _ ports.AuditBacklog = (*File)(nil)

// Open opens a file that only its owner can access, or creates it, for this process alone.
// It grows to so many bytes. A line at its end that was not completed is cut off.
func Open(path string, most int64) (_ *File, err error) {
	lock := flock.New(path + ".lock")
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !locked {
		return nil, fmt.Errorf("lock %s: another process uses it", path)
	}
	f := &File{lock: lock, most: most}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if f.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil { //nolint:gosec // the operator's path
		return nil, fmt.Errorf("open the backlog of the audit log: %w", err)
	}
	if err := f.cutTail(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return f, syncFolder(filepath.Dir(path))
}

// cutTail removes what follows the last line break.
func (f *File) cutTail() error {
	reader := bufio.NewReader(f.file)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return f.truncate(f.size)
		}
		if err != nil {
			return fmt.Errorf("find the last line: %w", err)
		}
		f.size += int64(len(line))
	}
}

// truncate sets the size.
func (f *File) truncate(size int64) error {
	if err := f.file.Truncate(size); err != nil {
		return fmt.Errorf("truncate the backlog of the audit log: %w", err)
	}
	f.size = size
	return f.sync()
}

func (f *File) sync() error {
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("sync the backlog of the audit log: %w", err)
	}
	return nil
}

// syncFolder makes a new file survive a crash, where the system has that.
func syncFolder(path string) error {
	folder, err := os.Open(path) //nolint:gosec // the operator's path
	if err != nil {
		return fmt.Errorf("open the folder of the backlog: %w", err)
	}
	_ = folder.Sync() // not every system can
	if err := folder.Close(); err != nil {
		return fmt.Errorf("close the folder of the backlog: %w", err)
	}
	return nil
}

// Append adds records.
func (f *File) Append(stream string, first int64, records ...audit.Record) error {
	if len(records) == 0 {
		return nil
	}
	var text bytes.Buffer
	for i, r := range records {
		text.Write(lineOf(stream, first+int64(i), r))
	}
	if f.size+int64(text.Len()) > f.most {
		return ports.ErrBacklogFull
	}
	_, err := f.file.WriteAt(text.Bytes(), f.size)
	if err == nil {
		err = f.sync()
	}
	if err != nil {
		// None of them is in the backlog: the rest of a line would damage the next one.
		return errors.Join(fmt.Errorf("write the backlog of the audit log: %w", err), f.truncate(f.size))
	}
	f.size += int64(text.Len())
	return nil
}

// Next returns the oldest records.
func (f *File) Next(limit int) (ports.BacklogBatch, error) {
	var batch ports.BacklogBatch
	reader := bufio.NewReader(io.NewSectionReader(f.file, f.start, f.size-f.start))
	f.next = f.start
	for len(batch.Records) < limit {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return ports.BacklogBatch{}, fmt.Errorf("read the backlog of the audit log: %w", err)
		}
		read, ok := parse(text)
		switch {
		case !ok:
			batch.Damaged++
		case len(batch.Records) == 0:
			batch.Stream, batch.First, batch.Records = read.stream, read.number, []audit.Record{read.record}
		case read.stream != batch.Stream || read.number != batch.First+int64(len(batch.Records)):
			return batch, nil
		default:
			batch.Records = append(batch.Records, read.record)
		}
		f.next += int64(len(text))
	}
	return batch, nil
}

// Remove removes what Next has returned last.
func (f *File) Remove() error {
	f.start = f.next
	if f.start < f.size || f.size == 0 {
		return nil
	}
	f.start, f.next = 0, 0
	return f.truncate(0)
}

// Close ends the use.
func (f *File) Close() error {
	var err error
	if f.file != nil {
		err = f.file.Close()
	}
	if err = errors.Join(err, f.lock.Unlock()); err != nil {
		return fmt.Errorf("close the backlog of the audit log: %w", err)
	}
	return nil
}
