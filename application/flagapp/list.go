package flagapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// List selects flags; empty fields select all.
type List struct {
	Environment string
	NamePrefix  string
	// Deleted selects the deleted flags instead of the others.
	Deleted bool
	// Limit is 1 to page.MaxLimit.
	scope.Window
}

// Listing is a page, or the first part of one, with the total number of matches.
type Listing = versioned.Page[flag.State]

// List returns a page of the flags that the caller may read, ordered by environment and name.
func (s *Service) List(ctx context.Context, by access.Caller, in List) (Listing, error) {
	q := flag.Query{NamePrefix: in.NamePrefix, Deleted: in.Deleted, Window: in.Window}
	var envErr, prefixErr error
	if in.Environment != "" {
		q.Environment, envErr = s.deps.Environments.Parse(in.Environment)
	}
	if !flag.BeginsName(in.NamePrefix) {
		prefixErr = fault.Bad("name_prefix", "must begin a name: at most 255 letters, digits and . _ : / -")
	}
	if err := fault.Merge(envErr, prefixErr, page.Check(in.Window, 2)); err != nil {
		return Listing{}, err
	}
	var err error
	if q.Within, err = by.Areas(access.ReadFlag); err != nil {
		return Listing{}, err
	}
	found, err := s.deps.Flags.List(ctx, q)
	if err != nil {
		return Listing{}, err
	}
	return versioned.Map(found, func(f *flag.Flag) flag.State { return f.State() }), nil
}
