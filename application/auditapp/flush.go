package auditapp

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/ports"
)

// stream is what was taken out of the buffer and is not stored. Its records are numbered,
// so that one whose storage has an unknown outcome is stored once, also after a restart.
type stream struct {
	// mu is held by one Flush at a time.
	mu sync.Mutex
	// name is that of the stream: the origin, or with a number where it was renewed.
	name, origin string
	renewed      int
	// records are those that are neither in the database nor in the backlog; first is the
	// number of the first one, from 1 on.
	records []audit.Record
	first   int64
}

// Flush stores the records whose period has ended; all of them with all set, before a stop.
// What cannot be stored waits for the next call: in the backlog, or in memory where there is
// none or it is full.
func (s *Service) Flush(ctx context.Context, all bool) error {
	s.stream.mu.Lock()
	defer s.stream.mu.Unlock()
	now := s.deps.Clock.Now()
	s.stream.records = append(s.stream.records, s.buffer.take(now, all)...)
	defer func() { s.buffer.setWaiting(len(s.stream.records)) }()
	var spilled error
	if s.buffer.isFailing() {
		spilled = s.spill() // at once: the database may be slow to fail again
	}
	return errors.Join(spilled, s.store(ctx, now))
}

// Unstored returns how many records are in memory alone.
func (s *Service) Unstored() int {
	s.stream.mu.Lock()
	defer s.stream.mu.Unlock()
	return len(s.stream.records)
}

// store stores what waits, the oldest first, and spills what it cannot.
func (s *Service) store(ctx context.Context, now time.Time) error {
	unread, err := s.replay(ctx)
	for err == nil && len(s.stream.records) > 0 {
		batch := s.stream.records[:min(len(s.stream.records), flushBatch)]
		if err = s.deps.Trail.AddOnce(ctx, s.stream.name, s.stream.first, batch...); err == nil {
			s.advance(len(batch))
		}
	}
	if err != nil {
		s.buffer.setFailing(now)
		return errors.Join(err, s.spill())
	}
	s.buffer.setFailing(time.Time{})
	return unread
}

// advance removes the first records.
func (s *Service) advance(count int) {
	s.stream.records = s.stream.records[count:]
	s.stream.first += int64(count)
}

// spill moves what is in memory into the backlog. One that is full is no error.
func (s *Service) spill() error {
	for s.deps.Backlog != nil && len(s.stream.records) > 0 {
		batch := s.stream.records[:min(len(s.stream.records), spillBatch)]
		err := s.deps.Backlog.Append(s.stream.name, s.stream.first, batch...)
		if errors.Is(err, ports.ErrBacklogFull) {
			return nil
		}
		if err != nil {
			return err
		}
		s.advance(len(batch))
	}
	return nil
}

// replay moves the backlog into the database. Unread is why it cannot be read; err is why
// the database cannot be written.
func (s *Service) replay(ctx context.Context) (unread, err error) {
	for s.deps.Backlog != nil {
		batch, err := s.deps.Backlog.Next(flushBatch)
		if err != nil {
			s.stream.renew()
			return err, nil
		}
		if batch.Empty() {
			break
		}
		if err := s.deps.Trail.AddOnce(ctx, batch.Stream, batch.First, batch.Records...); err != nil {
			return nil, err
		}
		if err := s.deps.Backlog.Remove(); err != nil {
			s.stream.renew()
			return err, nil
		}
		s.buffer.drop(batch.Damaged)
	}
	return nil, nil
}

// renew begins another stream, since what the backlog has of this one cannot be stored
// before what is in memory.
func (s *stream) renew() {
	s.renewed++
	s.name, s.first = s.origin+"."+strconv.Itoa(s.renewed), 1
}

func (b *buffer) setWaiting(count int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = count
}

// drop counts records that are lost.
func (b *buffer) drop(count int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropped += count
}

func (b *buffer) isFailing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.failing.IsZero()
}

// setFailing records since when records cannot be stored; the zero time is for that they
// can.
func (b *buffer) setFailing(since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if since.IsZero() || b.failing.IsZero() {
		b.failing = since
	}
}
