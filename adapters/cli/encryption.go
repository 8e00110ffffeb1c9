package cli

import (
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/signalbox-hq/signalbox/domain/configuration"
)

// rotateBatch is how many values are examined between two lines of progress.
const rotateBatch = 1000

func encryption(p Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "encryption",
		Short: "Show, rotate and retire encryption keys",
		Long: `Show, rotate and retire the keys of encrypted values. To replace a key without a gap:

1. Add the new key behind the old one on every server: ENCRYPTION_KEYS=OLD,NEW.
2. Then make it the current one on every server: ENCRYPTION_KEYS=NEW,OLD.
3. signalbox encryption rotate, with the same setting, while servers run.
4. signalbox encryption retire FINGERPRINT of the old key, and remove it from the setting.`,
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
ENCRYPTION_KEYS. Servers may run meanwhile. It can be stopped and run again.`,
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
	return printed(0, w.Flush())
}

func rotateEncryption(cmd *cobra.Command, _ []string, db Database) error {
	var examined, rotated, unreadable int
	after := configuration.TokenPlace{}
	for {
		r, err := db.RotateEncryption(cmd.Context(), after, rotateBatch)
		if err != nil {
			return err
		}
		examined, rotated, unreadable = examined+r.Examined, rotated+r.Rotated, unreadable+r.Unreadable
		if after = r.Next; after == (configuration.TokenPlace{}) {
			break
		}
		if err := printed(fmt.Fprintf(cmd.ErrOrStderr(), "%d values examined\n", examined)); err != nil {
			return err
		}
	}
	return printed(fmt.Fprintf(cmd.OutOrStdout(), "rotated %d of %d values, %d unreadable\n",
		rotated, examined, unreadable))
}
