package cli

import (
	"encoding/hex"
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
		Short: "List, verify and export the audit log",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(auditList(p), auditVerify(p), auditExport(p))
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
				checked += v.To - v.From + 1
				if v.Broken != nil {
					return fmt.Errorf("the audit log is broken at entry %d (%s)", v.Broken.Sequence, v.Broken.Reason)
				}
				if v.Next == 0 {
					return printed(fmt.Fprintf(cmd.OutOrStdout(), "intact: %d entries, head %d %s\n",
						checked, v.Head.Sequence, v.Head.Text()))
				}
				from = v.Next
			}
		}),
	}
	cmd.Flags().Int64Var(&from, "from", 0, "first entry to verify; the first of all if omitted")
	cmd.Flags().Int64Var(&to, "to", 0, "last entry to verify; the last of all if omitted")
	return cmd
}

func auditExport(p Program) *cobra.Command {
	var from int64
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the audit log as JSON Lines",
		Long: `Write the audit log as JSON Lines, the oldest entry first: {"entry": {...}, "hash": "..."}.
The entry is its canonical JSON (RFC 8785), so that others can verify the chain; see
docs/access.md.`,
		Args: noArgs,
		RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
			for {
				list, err := db.ExportAudit(cmd.Context(), from)
				if err != nil || len(list) == 0 {
					return err
				}
				for _, e := range list {
					if err := printed(fmt.Fprintf(cmd.OutOrStdout(), "{\"entry\":%s,\"hash\":%q}\n",
						e.Canonical, hex.EncodeToString(e.Hash[:]))); err != nil {
						return err
					}
					from = e.Sequence + 1
				}
			}
		}),
	}
	cmd.Flags().Int64Var(&from, "from", 0, "first entry to write; the first of all if omitted")
	return cmd
}
