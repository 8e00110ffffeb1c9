package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
)

// onDatabase runs a command on the configured database.
type onDatabase = func(*cobra.Command, []string, Database) error

// withDatabase runs a command on the configured database, which must exist.
func withDatabase(p Program, run onDatabase) func(*cobra.Command, []string) error {
	return openingDatabase(p, false, run)
}

func openingDatabase(p Program, create bool, run onDatabase) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		db, err := p.Database(cmd.Context(), create)
		if err != nil {
			return err
		}
		return errors.Join(run(cmd, args, db), db.Close())
	}
}

func migrate(p Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Show or migrate the schema of the database",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "up",
			Short: "Apply pending migrations",
			Long: "Apply pending migrations, under a lock, so that one of several processes applies them. " +
				"No other command changes the schema; 'signalbox serve' does with MIGRATE_ON_START.",
			Example: "  MIGRATE_ON_START=false signalbox migrate up",
			Args:    noArgs,
			RunE: openingDatabase(p, true, func(cmd *cobra.Command, _ []string, db Database) error {
				applied, err := db.Migrate(cmd.Context())
				if err != nil {
					return err
				}
				return printed(fmt.Fprintf(cmd.OutOrStdout(), "applied %d\n", applied))
			}),
		},
		&cobra.Command{
			Use:   "status",
			Short: "List the migrations and when they were applied",
			Args:  noArgs,
			RunE:  withDatabase(p, printMigrations),
		},
		&cobra.Command{
			Use:   "epoch",
			Short: "Start a new epoch after a restore of the database",
			Long: `Start a new epoch of the change feed. Run it after the database was restored from
a backup and before servers are started: cursors of clients from before the restore
become invalid, so that these load the state again. A SQLite file is checked first
(PRAGMA quick_check); a corrupt one is rejected.`,
			Args: noArgs,
			RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
				epoch, err := db.BeginEpoch(cmd.Context())
				if err != nil {
					return err
				}
				return printed(fmt.Fprintf(cmd.OutOrStdout(), "epoch %s\n", epoch))
			}),
		})
	return cmd
}

func printMigrations(cmd *cobra.Command, _ []string, db Database) error {
	list, err := db.Migrations(cmd.Context())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	table(w, "VERSION", "NAME", "APPLIED")
	for _, m := range list {
		applied := "pending"
		if m.Applied {
			applied = moment(m.AppliedAt)
		}
		table(w, strconv.FormatInt(m.Version, 10), m.Name, applied)
	}
	return printed(0, w.Flush())
}

func key(p Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Create, list and revoke API keys",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		keyCreate(p),
		&cobra.Command{
			Use:   "list",
			Short: "List the keys, without their secrets",
			Args:  noArgs,
			RunE:  withDatabase(p, printKeys),
		},
		&cobra.Command{
			Use:     "revoke ID",
			Short:   "Revoke a key",
			Long:    "Revoke a key by its id, the eight characters after sbx_. Servers reject it within two seconds.",
			Example: "  signalbox key revoke 4fT0aQ9z",
			Args:    exactlyOne("the id of one key"),
			RunE: withDatabase(p, func(cmd *cobra.Command, args []string, db Database) error {
				if err := db.Revoke(cmd.Context(), args[0]); err != nil {
					return err
				}
				return printed(fmt.Fprintf(cmd.OutOrStdout(), "revoked %s\n", args[0]))
			}),
		})
	return cmd
}

func keyCreate(p Program) *cobra.Command {
	var in accessapp.Issue
	cmd := &cobra.Command{
		Use:   "create --role ROLE [--name NAME]",
		Short: "Create a key and print it once",
		Long: `Create a key and print it. It is not shown again.

An admin may do everything. A reader may read; values of encrypted configurations
only with --reveal. A service may read, and register instances. An evaluator may only
evaluate the flags of one environment: it is for browsers and devices, whose users can
read the key.`,
		Example: `  signalbox key create --name deploy --role admin
  signalbox key create --name billing --role reader --reveal --expires 90d
  signalbox key create --name web --role evaluator --environment production`,
		Args: noArgs,
		RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
			if in.Name == "" {
				in.Name = in.Role
			}
			token, attributes, err := db.Issue(cmd.Context(), in)
			if err != nil {
				return err
			}
			if err := printed(fmt.Fprintf(cmd.ErrOrStderr(), "key %s (%s, %s) created; it is not shown again:\n",
				attributes.ID, attributes.Name, attributes.Role)); err != nil {
				return err
			}
			return printed(fmt.Fprintln(cmd.OutOrStdout(), token.Reveal()))
		}),
	}
	cmd.Flags().StringVar(&in.Name, "name", "",
		"name of its user, shown in the history (1 to 100 bytes); the role if omitted")
	cmd.Flags().StringVar(&in.Role, "role", "reader", "admin, reader, service or evaluator")
	cmd.Flags().BoolVar(&in.Reveal, "reveal", false, "allow a reader or a service to read encrypted values")
	cmd.Flags().StringVar(&in.Environment, "environment", "", "environment of an evaluator; not for other roles")
	cmd.Flags().Var(expiry{&in}, "expires",
		"lifetime, such as 30d or 12h, or end, such as 2030-01-31 or 2030-01-31T18:00:00Z; 0 or omitted: never")
	return cmd
}

func printKeys(cmd *cobra.Command, _ []string, db Database) error {
	keys, err := db.Keys(cmd.Context())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	table(w, "ID", "NAME", "ROLE", "REVEAL", "CREATED", "EXPIRES", "REVOKED", "ENVIRONMENT")
	for _, k := range keys {
		table(w, k.ID, k.Name, roleOf(k), revealing(k),
			moment(k.Created), moment(k.Expires), moment(k.Revoked), bound(k))
	}
	return printed(0, w.Flush())
}

// table writes one row; the tabwriter reports failures on Flush.
func table(w *tabwriter.Writer, cells ...string) { _, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) }

func bound(k access.KeyAttributes) string {
	if k.Environment.IsZero() {
		return "-"
	}
	return k.Environment.String()
}

// roleOf returns the role, or "damaged" for a key whose row is damaged and which grants
// nothing.
func roleOf(k access.KeyAttributes) string {
	if k.Damaged {
		return "damaged"
	}
	return k.Role.String()
}

func revealing(k access.KeyAttributes) string {
	if k.Reveal || k.Role == access.RoleAdmin {
		return "yes"
	}
	return "no"
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
