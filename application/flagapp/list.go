package flagapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// List selects flags; empty fields select all.
type List struct {
	Environment string
	NamePrefix  string
	// Deleted selects the deleted flags instead of the others.
	Deleted bool
	// Limit is 1 to page.MaxLimit, Offset 0 or more.
	Limit, Offset int
}

// Listing is a page, or the first part of one, with the total number of matches.
type Listing struct {
	Flags []flag.State
	Total int
	// Bytes is the size of this part of the page in the store.
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
