package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
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

// table writes one row; the tabwriter reports failures on Flush.
func table(w *tabwriter.Writer, cells ...string) { _, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) }

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
