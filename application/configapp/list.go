package configapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// List is the input of List; empty fields do not narrow it.
type List struct {
	Environment string
	ServiceName string
	KeyPrefix   string
	// Deleted lists the deleted ones instead of those that live.
	Deleted bool
	// Limit is 1 to page.MaxLimit.
	scope.Window
}

// Listing is a page, or the first part of one, with the true number of all that
// matches.
type Listing = versioned.Page[View]

// List returns a page of the configurations that the caller may read, ordered by environment, service name
// and key. The values of encrypted ones are never in it.
func (s *Service) List(ctx context.Context, by access.Caller, in List) (Listing, error) {
	query, err := s.parseQuery(in)
	if err != nil {
		return Listing{}, err
	}
	if query.Within, err = by.Areas(access.ReadConfiguration); err != nil {
		return Listing{}, err
	}
	found, err := s.deps.Configurations.List(ctx, query)
	if err != nil {
		return Listing{}, err
	}
	return versioned.Map(found, func(c *configuration.Configuration) View { return View{State: c.State()} }), nil
}

func (s *Service) parseQuery(in List) (configuration.Query, error) {
	q := configuration.Query{KeyPrefix: in.KeyPrefix, Deleted: in.Deleted, Window: in.Window}
	var envErr, svcErr, prefixErr error
	if in.Environment != "" {
		q.Environment, envErr = s.deps.Environments.Parse(in.Environment)
	}
	if in.ServiceName != "" {
		q.Service, svcErr = scope.ParseServiceName(in.ServiceName)
	}
	if !configuration.BeginsKey(in.KeyPrefix) {
		prefixErr = fault.Bad("key_prefix", "must begin a key: at most 255 letters, digits and . _ - : / @ + [ ]")
	}
	return q, fault.Merge(envErr, svcErr, prefixErr, page.Check(in.Window, 3))
}
