package cli

import (
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
)

// rotateBatch is how many values are examined between two lines of progress.
const rotateBatch = 1000

func encryption(p Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "encryption",
		Short: "Show, rotate and retire encryption keys",
		Long: `Show, rotate and retire the keys of encrypted values. To replace a key without a gap:

1. Put the new key before the old one on every server: ENCRYPTION_KEYS=NEW,OLD. It becomes
   current when all have it; status names those that lack it.
2. signalbox encryption rotate, with the same setting, while servers run.
3. signalbox encryption retire FINGERPRINT of the old key, and remove it from the setting.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "status",
			Short: "Count the encrypted values by key",
			Args:  noArgs,
			RunE:  withDatabase(p, printEncryption),
		},
		&cobra.Command{
			Use:   "rotate",
			Short: "Encrypt all values under the current key",
			Long: `Encrypt all values, current ones and those of histories, under the first key of
ENCRYPTION_KEYS that every server has, and bind them to their rows. Servers may run meanwhile.
It can be stopped and run again.`,
			Args: noArgs,
			RunE: withDatabase(p, rotateEncryption),
		},
		&cobra.Command{
			Use:   "retire FINGERPRINT",
			Short: "Forget a key under which nothing is encrypted any more",
			Long: `Forget a key under which nothing is encrypted any more. A server that is started with
it alone is rejected from then on.`,
			Args: exactlyOne("the fingerprint of one key"),
			RunE: withDatabase(p, func(cmd *cobra.Command, args []string, db Database) error {
				if err := db.RetireEncryption(cmd.Context(), args[0]); err != nil {
					return err
				}
				return printed(fmt.Fprintf(cmd.OutOrStdout(), "retired %s\n", args[0]))
			}),
		})
	return cmd
}

func printEncryption(cmd *cobra.Command, _ []string, db Database) error {
	status, err := db.Encryption(cmd.Context())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	table(w, "FINGERPRINT", "VALUES", "CURRENT")
	for _, k := range status.Keys {
		current := "no"
		if k.Fingerprint == status.Current {
			current = "yes"
		}
		table(w, orDash(k.Fingerprint), strconv.FormatInt(k.Values, 10), current)
	}
	if status.Unreadable > 0 {
		table(w, "unreadable", strconv.FormatInt(status.Unreadable, 10), "-")
	}
	if status.Unbound > 0 {
		table(w, "without a MAC", strconv.FormatInt(status.Unbound, 10), "-")
	}
	if err := w.Flush(); err != nil {
		return printed(0, err)
	}
	return printLacking(cmd, status)
}

// printLacking names the replicas for which the first key is not current yet.
func printLacking(cmd *cobra.Command, status configapp.KeyRingStatus) error {
	for _, replica := range status.Lacking {
		if err := printed(fmt.Fprintf(cmd.OutOrStdout(), "replica %s (version %s) lacks the first key, %s\n",
			replica.ID, replica.Version, status.First)); err != nil {
			return err
		}
	}
	return nil
}

func rotateEncryption(cmd *cobra.Command, _ []string, db Database) error {
	var sum configapp.Rotated
	for {
		r, err := db.RotateEncryption(cmd.Context(), sum.Next, rotateBatch)
		if err != nil {
			return err
		}
		r.Examined += sum.Examined
		r.Rotated += sum.Rotated
		r.Bound += sum.Bound
		r.Unreadable += sum.Unreadable
		r.Tampered += sum.Tampered
		if sum = r; sum.Next == (configuration.TokenPlace{}) {
			break
		}
		if err := printed(fmt.Fprintf(cmd.ErrOrStderr(), "%d values examined\n", sum.Examined)); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("rotated %d of %d values under %s, %d unreadable", sum.Rotated, sum.Examined,
		orDash(sum.Current), sum.Unreadable)
	if sum.Bound > 0 {
		text += fmt.Sprintf(", %d bound to their rows", sum.Bound)
	}
	if sum.Tampered > 0 {
		text += fmt.Sprintf(", %d tampered", sum.Tampered)
	}
	return printed(fmt.Fprintln(cmd.OutOrStdout(), text))
}
