package bunstore

import (
	"context"
	"time"
)

// now is the time by the database's clock, as a timestamp reads it.
func (d dialect) now() string {
	if d == postgres {
		return "clock_timestamp()"
	}
	return "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"
}

// askTime is called before the database is asked for its time, and returns what takes
// the answer. SQLite's clock is this machine's: nobody is told of it.
func (s *Store) askTime() (answered func(time.Time)) {
	if s.dialect != postgres || s.options.Asked == nil {
		return func(time.Time) {}
	}
	return s.options.Asked()
}

// LearnTime asks the database for its time, for the clock that Options.Asked tells. A
// store that cannot be reached is fault.ErrUnavailable.
func (s *Store) LearnTime(ctx context.Context) error {
	_, err := s.Feed().Head(ctx)
	return err
}
