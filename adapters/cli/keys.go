package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
)

func key(p Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Create, list, change, rotate and revoke API keys",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(keyCreate(p), keyList(p), keyUpdate(p), keyRotate(p), keyRevoke(p))
	return cmd
}

func keyCreate(p Program) *cobra.Command {
	var in accessapp.Issue
	grants, ends, begins := &grantFlags{}, &expiry{}, &instant{}
	cmd := &cobra.Command{
		Use:   "create --role ROLE [--name NAME]",
		Short: "Create a key and print it once",
		Long: `Create a key and print it. It is not shown again.

Roles: an admin does everything, an operator everything but to keys, an editor writes
configurations and flags, a service registers itself, a reader reads, and an evaluator
only evaluates flags: it is for browsers and devices, whose users can read the key.
Values of encrypted configurations are shown to admins and operators, and to others only
with --reveal. --environment, --service and --prefix narrow the role to some resources;
--grant gives further roles. A key is valid for 365 days unless --expires is given.`,
		Example: `  signalbox key create --name deploy --role admin --expires never
  signalbox key create --name billing --role reader --reveal --expires 90d
  signalbox key create --name web --role evaluator --environment production
  signalbox key create --name shop --role service --service shop \\
    --grant role=evaluator,environment=production`,
		Args: noArgs,
		RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
			in.Grants = grants.all("reader")
			if in.Name == "" {
				in.Name = in.Grants[0].Role
			}
			in.Lifetime, in.Expires, in.Forever, in.NotBefore = ends.lifetime, ends.end, ends.never, begins.Time
			issued, err := db.Issue(cmd.Context(), in)
			if err != nil {
				return err
			}
			return printIssued(cmd, issued, "created")
		}),
	}
	cmd.Flags().StringVar(&in.Name, "name", "",
		"name of its user, shown in the history (1 to 100 bytes); the role if omitted")
	grants.add(cmd)
	cmd.Flags().Var(ends, "expires",
		"lifetime, such as 30d or 12h, end, such as 2030-01-31 or 2030-01-31T18:00:00Z, or never; 365d if omitted")
	cmd.Flags().Var(begins, "not-before", "time from which the key is valid, such as 2030-01-31T18:00:00Z")
	cmd.Flags().StringSliceVar(&in.Networks, "network", nil,
		"network from which the key is accepted, such as 10.0.0.0/8")
	cmd.Flags().StringToStringVar(&in.Labels, "label", nil, "label, as name=value")
	return cmd
}

// printIssued prints the key alone on standard output.
func printIssued(cmd *cobra.Command, k accessapp.Issued, done string) error {
	if err := printed(fmt.Fprintf(cmd.ErrOrStderr(), "key %s (%s, %s) %s; it is not shown again:\n",
		k.ID, k.Name, rolesOf(k.KeyAttributes), done)); err != nil {
		return err
	}
	return printed(fmt.Fprintln(cmd.OutOrStdout(), k.Token.Reveal()))
}

func keyUpdate(p Program) *cobra.Command {
	var name string
	var networks []string
	var labels map[string]string
	in := accessapp.Amend{}
	grants, ends, begins := &grantFlags{}, &expiry{}, &instant{}
	cmd := &cobra.Command{
		Use:   "update ID",
		Short: "Change what a key allows, its name, its end or its networks",
		Long: `Change a key. What is not given stays; grants are replaced as a whole. Servers follow
within two seconds, and streams of the key end.`,
		Example: `  signalbox key update 4fT0aQ9z --role editor --environment staging
  signalbox key update 4fT0aQ9z --expires 90d`,
		Args: exactlyOne("the id of one key"),
		RunE: withDatabase(p, func(cmd *cobra.Command, args []string, db Database) error {
			in.ID = args[0]
			flags := cmd.Flags()
			if grants.given(cmd) {
				in.Grants = new(grants.all(""))
			}
			if flags.Changed("name") {
				in.Name = &name
			}
			if ends.given {
				in.Expires = new(ends.at(db.Now()))
			}
			if flags.Changed("not-before") {
				in.NotBefore = &begins.Time
			}
			if flags.Changed("network") {
				in.Networks = &networks
			}
			if flags.Changed("label") {
				in.Labels = &labels
			}
			k, err := db.Amend(cmd.Context(), in)
			if err != nil {
				return err
			}
			return printed(fmt.Fprintf(cmd.OutOrStdout(), "updated %s (%s, %s)\n", k.ID, k.Name, rolesOf(k)))
		}),
	}
	cmd.Flags().StringVar(&name, "name", "", "new name")
	grants.add(cmd)
	cmd.Flags().Var(ends, "expires", "new lifetime from now, such as 30d, new end, such as 2030-01-31, or never")
	cmd.Flags().Var(begins, "not-before", "time from which the key is valid")
	cmd.Flags().StringSliceVar(&networks, "network", nil, "networks from which the key is accepted; \"\" for all")
	cmd.Flags().StringToStringVar(&labels, "label", nil, "labels, as name=value; they replace the others")
	cmd.Flags().BoolVar(&in.Force, "force", false, "also change the last admin key")
	return cmd
}

func keyRotate(p Program) *cobra.Command {
	overlap := &span{time.Hour}
	cmd := &cobra.Command{
		Use:   "rotate ID",
		Short: "Give a key a new secret and print it once",
		Long: `Give a key a new secret. The old one stays valid for the overlap (an hour unless given,
0 for none), so that its users can be changed one after the other. A key has two secrets
at most: while an overlap lasts, only a rotation with --overlap 0 is possible, which ends
both former secrets at once.`,
		Example: "  signalbox key rotate 4fT0aQ9z --overlap 1d",
		Args:    exactlyOne("the id of one key"),
		RunE: withDatabase(p, func(cmd *cobra.Command, args []string, db Database) error {
			issued, err := db.Rotate(cmd.Context(), args[0], overlap.Duration)
			if err != nil {
				return err
			}
			return printIssued(cmd, issued, "rotated")
		}),
	}
	cmd.Flags().Var(overlap, "overlap", "how long the old secret stays valid, such as 12h or 1d; 1h if omitted")
	return cmd
}

func keyRevoke(p Program) *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke a key",
		Long: `Revoke a key by its id, the eight characters after sbx_. Servers reject it within two
seconds. The last admin key is revoked only with --force.`,
		Example: "  signalbox key revoke 4fT0aQ9z",
		Args:    exactlyOne("the id of one key"),
		RunE: withDatabase(p, func(cmd *cobra.Command, args []string, db Database) error {
			if err := db.Revoke(cmd.Context(), args[0], force); err != nil {
				return err
			}
			return printed(fmt.Fprintf(cmd.OutOrStdout(), "revoked %s\n", args[0]))
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "also revoke the last admin key")
	return cmd
}

func keyList(p Program) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the keys, without their secrets",
		Args:  noArgs,
		RunE:  withDatabase(p, printKeys),
	}
}

func printKeys(cmd *cobra.Command, _ []string, db Database) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	table(w, "ID", "NAME", "ROLE", "REVEAL", "CREATED", "EXPIRES", "REVOKED", "SCOPE", "STATUS", "LAST USED")
	after, now := "", db.Now()
	for {
		keys, err := db.Keys(cmd.Context(), after)
		if err != nil {
			return err
		}
		for _, k := range keys {
			table(w, k.ID, k.Name, rolesOf(k), revealing(k), moment(k.Created), moment(k.Expires), moment(k.Revoked),
				areas(k.Grants), string(k.Status(now)), moment(k.LastUsed))
			after = k.ID
		}
		if len(keys) == 0 {
			return printed(0, w.Flush())
		}
	}
}

// rolesOf returns the roles of a key, or "damaged" for one whose row is damaged and which
// grants nothing.
func rolesOf(k access.KeyAttributes) string {
	if k.Damaged {
		return "damaged"
	}
	return roles(k.Grants)
}

func roles(grants []access.Grant) string {
	names := make([]string, len(grants))
	for i, g := range grants {
		names[i] = g.Role.String()
	}
	return strings.Join(names, "+")
}

func revealing(k access.KeyAttributes) string {
	for _, g := range k.Grants {
		if g.Reveal && !k.Damaged {
			return "yes"
		}
	}
	return "no"
}

// areas returns what grants are narrowed to, in their order.
func areas(grants []access.Grant) string {
	texts := make([]string, len(grants))
	for i, g := range grants {
		var parts []string
		for _, e := range g.Area.Environments {
			parts = append(parts, e.String())
		}
		for _, s := range g.Area.Services {
			parts = append(parts, "service="+s.String())
		}
		for _, p := range g.Area.Prefixes {
			parts = append(parts, p+"*")
		}
		if texts[i] = strings.Join(parts, ","); parts == nil {
			texts[i] = "-"
		}
	}
	return strings.Join(texts, "+")
}
