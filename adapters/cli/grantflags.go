package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// grantFlags are the flags for what a key allows: one grant in flags of its own, and
// further ones.
type grantFlags struct {
	first accessapp.Grant
	more  grantList
}

func (g *grantFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&g.first.Role, "role", "",
		"admin, operator, editor, service, reader or evaluator (new keys: reader if omitted)")
	cmd.Flags().BoolVar(&g.first.Reveal, "reveal", false, "show the values of encrypted configurations")
	cmd.Flags().StringSliceVar(&g.first.Environments, "environment", nil,
		"environment to narrow the role to, more than once for several; required for an evaluator (* for all)")
	cmd.Flags().StringSliceVar(&g.first.Services, "service", nil, "service to narrow the role to")
	cmd.Flags().StringSliceVar(&g.first.Prefixes, "prefix", nil,
		"beginning of the keys of configurations and the names of flags and services to narrow the role to")
	cmd.Flags().Var(&g.more, "grant",
		"further grant, such as role=editor,reveal,environment=staging,service=shop,prefix=ui.")
}

// given reports whether any flag was.
func (g *grantFlags) given(cmd *cobra.Command) bool {
	for _, name := range []string{"role", "reveal", "environment", "service", "prefix", "grant"} {
		if cmd.Flags().Changed(name) {
			return true
		}
	}
	return false
}

// all returns the grants; the first has that role where it names none, unless there are
// only further ones.
func (g *grantFlags) all(role string) []accessapp.Grant {
	first := g.first
	narrowed := first.Reveal || len(first.Environments)+len(first.Services)+len(first.Prefixes) > 0
	if first.Role == "" && !narrowed && len(g.more) > 0 {
		return g.more
	}
	if first.Role == "" {
		first.Role = role
	}
	return append([]accessapp.Grant{first}, g.more...)
}

// grantList is the flag for further grants.
type grantList []accessapp.Grant

var errGrant = errors.New("must be such as role=editor,reveal,environment=staging,service=shop")

// String returns the default.
func (*grantList) String() string { return "" }

// Type returns what help texts show.
func (*grantList) Type() string { return "grant" }

// Set reads one grant.
func (l *grantList) Set(text string) error {
	var g accessapp.Grant
	for part := range strings.SplitSeq(text, ",") {
		name, value, valued := strings.Cut(part, "=")
		switch {
		case name == "reveal" && !valued:
			g.Reveal = true
		case name == "role" && valued && g.Role == "":
			g.Role = value
		case name == "environment" && valued:
			g.Environments = append(g.Environments, value)
		case name == "service" && valued:
			g.Services = append(g.Services, value)
		case name == "prefix" && valued:
			g.Prefixes = append(g.Prefixes, value)
		default:
			return errGrant
		}
	}
	if g.Role == "" {
		return errGrant
	}
	*l = append(*l, g)
	return nil
}

// instant is the flag for a time.
type instant struct{ time.Time }

// String returns the default.
func (*instant) String() string { return "" }

// Type returns what help texts show.
func (*instant) Type() string { return "time" }

// Set reads a date, which is its beginning in UTC, or an RFC 3339 time.
func (i *instant) Set(text string) error {
	at, err := parseInstant(text)
	if err != nil {
		return errors.New("must be a time such as 2030-01-31 or 2030-01-31T18:00:00Z")
	}
	i.Time = at
	return nil
}

// parseInstant parses a date, which is its beginning in UTC, or an RFC 3339 time.
func parseInstant(text string) (time.Time, error) {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		at, err = scope.ParseTime(text)
	}
	return at.UTC(), err
}
