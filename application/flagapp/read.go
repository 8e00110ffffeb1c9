package flagapp

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/application/readthrough"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Read says which flag to read, and as of when.
type Read struct {
	Name        string
	Environment string
	// Version and At choose what stood then; at most one of them is not zero.
	Version scope.Version
	At      time.Time
	// MinVersion is the least version that what stands may have; for 0 it may be any.
	MinVersion scope.Version
}

// View is a flag as it stands, or stood.
type View struct {
	flag.State
	// Stale is how old it may be because the store cannot be asked; 0 while it can.
	Stale time.Duration
}

// Read returns a flag as it stands, or as it stood at a version or a time. Deleted
// (as of then) or unknown is ErrNotFound; a version that never was is
// ErrVersionNotFound. A version that was not reached is ErrStale.
//
// What stands comes from memory while that is known to be fresh, else from the store,
// and from memory again while the store is away: View.Stale tells.
func (s *Service) Read(ctx context.Context, by access.Caller, in Read) (View, error) {
	identity, err := s.parseIdentity(in.Environment, in.Name)
	if in.Version != 0 && !in.At.IsZero() {
		err = fault.Merge(err, fault.Bad("at", "cannot be given together with version"))
	}
	if in.MinVersion != 0 && (in.Version != 0 || !in.At.IsZero()) {
		err = fault.Merge(err, fault.Bad("min_version", "cannot be given together with version or at"))
	}
	if err != nil {
		return View{}, err
	}
	if err := by.Require(access.ReadFlag, resourceOf(identity)); err != nil {
		return View{}, err
	}
	if in.Version == 0 && in.At.IsZero() {
		return s.readPresent(ctx, identity, in.MinVersion)
	}
	f, err := s.deps.Flags.FindByIdentity(ctx, identity)
	if err != nil {
		return View{}, err
	}
	state, err := s.stateAsOf(ctx, f, in)
	return View{State: state}, err
}

// readPresent returns what stands, from memory where that may be relied upon.
func (s *Service) readPresent(ctx context.Context, identity flag.Identity, least scope.Version) (View, error) {
	at := identity.Locator()
	h := s.reads.Recall(at)
	var v View
	if h == nil || h.Value.Version < least {
		var err error
		if h, v.Stale, err = s.reads.Load(ctx, at, int64(least), s.loader(identity)); err != nil {
			return View{}, err
		}
	}
	switch {
	case h.Version == 0 || h.Value.Deleted:
		return v, flag.ErrNotFound
	case h.Value.Version < least:
		return View{}, scope.StaleAt(h.Value.Version)
	}
	v.State = h.Value
	return v, nil
}

// loader queries the store for a flag.
func (s *Service) loader(identity flag.Identity) readthrough.Loader[flag.State] {
	return func(ctx context.Context) (flag.State, int64, error) {
		f, err := s.deps.Flags.FindByIdentity(ctx, identity)
		if errors.Is(err, flag.ErrNotFound) {
			return flag.State{}, 0, nil
		}
		if err != nil {
			return flag.State{}, 0, err
		}
		return f.State(), int64(f.Version()), f.Damage()
	}
}

// parseIdentity reads both parts and names every wrong one.
func (s *Service) parseIdentity(environment, name string) (flag.Identity, error) {
	n, nameErr := flag.ParseName(name)
	if nameErr != nil {
		nameErr = fault.Bad("name", fault.Of(nameErr).Fields()[0].Message)
	}
	e, envErr := s.deps.Environments.Parse(environment)
	return flag.Identity{Environment: e, Name: n}, fault.Merge(nameErr, envErr)
}

func (s *Service) stateAsOf(ctx context.Context, f *flag.Flag, in Read) (flag.State, error) {
	var entry flag.HistoryEntry
	var err error
	switch {
	case in.Version != 0:
		entry, err = s.deps.History.Entry(ctx, f.ID(), in.Version)
	default:
		entry, err = s.deps.History.EntryAt(ctx, f.ID(), in.At)
		if errors.Is(err, flag.ErrVersionNotFound) {
			err = flag.ErrNotFound
		}
	}
	if err != nil {
		return flag.State{}, err
	}
	return f.AsOf(entry)
}

// List says which flags to list; empty fields do not narrow.
type List struct {
	Environment string
	NamePrefix  string
	// Deleted lists the deleted ones instead of those that live.
	Deleted bool
	// Limit is 1 to page.MaxLimit, Offset 0 or more.
	Limit, Offset int
}

// Listing is a page, or the first part of one, with the true number of all that
// matches.
type Listing struct {
	Flags []flag.State
	Total int
	// Bytes is how many bytes the store holds of this part of the page.
	Bytes int
	// Next returns the next part of the page; it is nil at the end.
	Next func(context.Context) (Listing, error)
}

// List returns a page of flags, ordered by environment and name.
func (s *Service) List(ctx context.Context, by access.Caller, in List) (Listing, error) {
	q := flag.Query{NamePrefix: in.NamePrefix, Deleted: in.Deleted, Limit: in.Limit, Offset: in.Offset}
	var envErr, prefixErr error
	if in.Environment != "" {
		q.Environment, envErr = s.deps.Environments.Parse(in.Environment)
	}
	if !flag.BeginsName(in.NamePrefix) {
		prefixErr = fault.Bad("name_prefix", "must begin a name: at most 255 letters, digits and . _ : / -")
	}
	if err := fault.Merge(envErr, prefixErr, page.Check(in.Limit, in.Offset)); err != nil {
		return Listing{}, err
	}
	if err := by.Require(access.ReadFlag, access.Resource{Environment: q.Environment}); err != nil {
		return Listing{}, err
	}
	found, err := s.deps.Flags.List(ctx, q)
	if err != nil {
		return Listing{}, err
	}
	return listing(found), nil
}

func listing(found flag.Page) Listing {
	l := Listing{
		Flags: make([]flag.State, len(found.Items)), Total: found.Total, Bytes: found.Bytes,
		Next: page.Following(found.Next, listing),
	}
	for i, f := range found.Items {
		l.Flags[i] = f.State()
	}
	return l
}

// History says which flag's history to read.
type History struct {
	ID flag.ID
	// Limit is 1 to page.MaxLimit, Offset 0 or more.
	Limit, Offset int
}

// Timeline is a page of history entries, or the first part of one, newest first, with
// the number of all.
type Timeline = flag.HistoryPage

// ReadHistory returns a page of a flag's versions, newest first, also when it is
// deleted.
func (s *Service) ReadHistory(ctx context.Context, by access.Caller, in History) (Timeline, error) {
	if err := page.Check(in.Limit, in.Offset); err != nil {
		return Timeline{}, err
	}
	if _, err := s.load(ctx, by, access.ReadFlag, in.ID); err != nil {
		return Timeline{}, err
	}
	return s.deps.History.Entries(ctx, in.ID, in.Limit, in.Offset)
}

// Preview says which change to look at.
type Preview struct {
	ID flag.ID
	// Change is JSON as flag.ParseChange reads it.
	Change []byte
}

// Previewed is what a change would do.
type Previewed struct {
	// From is the flag as it stands, To what would stand.
	From flag.State
	To   flag.Draft
	// Movements are who would move from which variant to which.
	Movements []flag.Movement
}

// Preview returns what an Update would do. Nothing is stored. It fails as Update
// does, but needs only the right to read.
func (s *Service) Preview(ctx context.Context, by access.Caller, in Preview) (Previewed, error) {
	c, err := flag.ParseChange(ctx, in.Change)
	if err != nil {
		return Previewed{}, err
	}
	f, err := s.load(ctx, by, access.ReadFlag, in.ID)
	if err != nil {
		return Previewed{}, err
	}
	to, err := f.Preview(c)
	if err != nil {
		return Previewed{}, err
	}
	from := f.State()
	return Previewed{From: from, To: to, Movements: from.Definition.Movements(to.Definition)}, nil
}
