package cli

import (
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

func auditCommand(p Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List, verify, export and prune the audit log",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(auditList(p), auditVerify(p), auditExport(p), auditPrune(p))
	return cmd
}

func auditList(p Program) *cobra.Command {
	in := auditapp.List{Window: scope.Window{Limit: 100}}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what was done, denied and revealed, the newest first",
		Example: `  signalbox audit list --outcome denied
  signalbox audit list --environment production --name database.url --limit 20`,
		Args: noArgs,
		RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
			found, err := db.AuditEntries(cmd.Context(), in)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			table(w, "SEQUENCE", "AT", "ACTOR", "SOURCE", "ACTION", "OUTCOME", "COUNT", "RESOURCE", "VERSION")
			for _, e := range found {
				table(w, strconv.FormatInt(e.Sequence, 10), moment(e.At), orDash(e.Actor.KeyID+" "+e.Actor.Name),
					orDash(e.Source), e.Action, string(e.Outcome), strconv.FormatInt(e.Count, 10),
					orDash(e.Resource.Environment+"/"+e.Resource.ServiceName+"/"+e.Resource.Name),
					strconv.FormatInt(e.VersionAfter, 10))
			}
			return printed(0, w.Flush())
		}),
	}
	cmd.Flags().StringVar(&in.ActorKeyID, "key", "", "only of the key of that id")
	cmd.Flags().StringVar(&in.Action, "action", "", "only this one, such as configuration.updated")
	cmd.Flags().StringVar(&in.ResourceType, "type", "", "only resources of this type, such as configuration")
	cmd.Flags().StringVar(&in.Environment, "environment", "", "only in this environment")
	cmd.Flags().StringVar(&in.ServiceName, "service", "", "only of this service")
	cmd.Flags().StringVar(&in.Name, "name", "", "only with this key or name")
	cmd.Flags().StringVar(&in.Outcome, "outcome", "", "done, denied or failed")
	cmd.Flags().IntVar(&in.Limit, "limit", in.Limit, "how many at most, 1 to 1000")
	return cmd
}

// orDash returns a text without blanks around it, or a dash for none.
func orDash(text string) string {
	if text == "" || text == " " || text == "//" {
		return "-"
	}
	return text
}

func auditVerify(p Program) *cobra.Command {
	var from, to int64
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Verify the chain of the audit log",
		Long: `Verify the chain of the audit log. The exit code is 1 where an entry was changed, removed
or added, and the output names the first one. Compare the printed head with one that was
kept elsewhere, such as in the servers' logs, to know that the end was not cut off.`,
		Args: noArgs,
		RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
			checked := int64(0)
			for {
				v, err := db.VerifyAudit(cmd.Context(), from, to)
				if err != nil {
					return err
				}
				checked += v.Checked()
				if v.Broken != nil {
					return fmt.Errorf("the audit log is broken at entry %d (%s)", v.Broken.Sequence, v.Broken.Reason)
				}
				if v.Next == 0 {
					return printed(fmt.Fprint(cmd.OutOrStdout(), verifiedText(v, checked)))
				}
				from = v.Next
			}
		}),
	}
	cmd.Flags().Int64Var(&from, "from", 0, "first entry to verify; the first of all if omitted")
	cmd.Flags().Int64Var(&to, "to", 0, "last entry to verify; the last of all if omitted")
	return cmd
}

// verifiedText describes a log that is intact.
func verifiedText(v auditapp.Verified, checked int64) string {
	start := ""
	if v.Start.Sequence > 0 {
		start = fmt.Sprintf(", after entry %d, up to which the log was pruned", v.Start.Sequence)
	}
	if checked == 0 {
		return fmt.Sprintf("nothing to verify: the audit log is empty%s\n", start)
	}
	return fmt.Sprintf("intact: %d entries%s, head %d %s\n", checked, start, v.Head.Sequence, v.Head.Text())
}

func auditExport(p Program) *cobra.Command {
	var from int64
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the audit log as JSON Lines",
		Long: `Write the audit log as JSON Lines in the form of RFC 8785: the head before the first entry,
{"start": {...}}; the entries, the oldest first, {"columns": {...}, "entry": {...}, "hash": "..."}, with
the columns of the database that queries select by; and the last head, {"end": {...}}. So others
can verify the chain; see docs/access.md.`,
		Args: noArgs,
		RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
			return export(cmd, db, from)
		}),
	}
	cmd.Flags().Int64Var(&from, "from", 0, "first entry to write; the first of all if omitted")
	return cmd
}

// export writes the log up to the end that it has at the beginning.
func export(cmd *cobra.Command, db Database, from int64) error {
	write := func(line []byte) error {
		return printed(fmt.Fprintf(cmd.OutOrStdout(), "%s\n", line))
	}
	part, err := db.ExportAudit(cmd.Context(), from)
	if err != nil {
		return err
	}
	end := part.End
	if err := write(part.Before.Line("start")); err != nil {
		return err
	}
	for at := part.Before.Sequence; ; {
		if at, err = exportPart(part, at, end.Sequence, write); err != nil {
			return err
		}
		if at >= end.Sequence || len(part.Entries) == 0 {
			return write(end.Line("end"))
		}
		if part, err = db.ExportAudit(cmd.Context(), at+1); err != nil {
			return err
		}
	}
}

// exportPart writes the entries of a part, up to the end of the export, and returns the sequence
// of the last one, or at where there is none.
func exportPart(part auditapp.Exported, at, end int64, write func([]byte) error) (int64, error) {
	for _, e := range part.Entries {
		if e.Sequence > end {
			break
		}
		if err := write(e.Line()); err != nil {
			return at, err
		}
		at = e.Sequence
	}
	return at, nil
}

func auditPrune(p Program) *cobra.Command {
	before := &instant{}
	cmd := &cobra.Command{
		Use:   "prune --before TIME",
		Short: "Remove the oldest entries of the audit log",
		Long: `Remove the entries before a time, after they were verified. The chain goes on from the last
one that was removed, whose hash is kept. The audit log has an entry about it. Export the
log first where the entries have to be kept elsewhere.`,
		Example: `  signalbox audit export > audit.jsonl
  signalbox audit prune --before 2030-01-31`,
		Args: func(cmd *cobra.Command, args []string) error {
			if before.IsZero() {
				return usageError{errors.New("--before is required, such as --before 2030-01-31")}
			}
			return noArgs(cmd, args)
		},
		RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
			removed := int64(0)
			for {
				out, err := db.PruneAudit(cmd.Context(), before.Time)
				if err != nil {
					return err
				}
				if removed += out.Removed; !out.More {
					return printed(fmt.Fprintf(cmd.OutOrStdout(), "removed %d entries; the log begins after %d %s\n",
						removed, out.Start.Sequence, out.Start.Text()))
				}
			}
		}),
	}
	cmd.Flags().Var(before, "before", "time before which entries are removed, such as 2030-01-31T18:00:00Z")
	return cmd
}
