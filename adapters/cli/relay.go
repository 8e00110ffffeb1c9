package cli

import (
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/ports"
)

func relayCommand(p Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "relay",
		Short: "Show how far changes were published, and settle those that the broker refuses",
		Long: `Show how far changes were published, and settle those that the broker refuses.

Each topic is published to by itself. One that does not exist, or may not be written
to, waits alone and goes on by itself when it takes messages again.

A change that the broker refuses for good, such as one that is too large, is parked,
and later changes of the same resource wait behind it. Everything else is published.
Servers that run do what 'retry' and 'skip' ask for.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "status",
			Short: "Show what waits, and what is parked",
			Args:  noArgs,
			RunE:  withDatabase(p, printRelay),
		},
		relayRetry(p),
		&cobra.Command{
			Use:     "skip REVISION",
			Short:   "Give up one parked change, and publish what waits behind it",
			Example: "  signalbox relay skip 4711",
			Args:    exactlyOne("the revision of a parked change; see 'signalbox relay status'"),
			RunE: withDatabase(p, func(cmd *cobra.Command, args []string, db Database) error {
				revision, err := parseRevision(args[0])
				if err != nil {
					return err
				}
				if err := db.Skip(cmd.Context(), revision); err != nil {
					return err
				}
				return printed(fmt.Fprintf(cmd.OutOrStdout(), "skipping %d\n", revision))
			}),
		})
	return cmd
}

func relayRetry(p Program) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "retry REVISION | --all",
		Short:   "Publish a parked change again, and what waits behind it",
		Example: "  signalbox relay retry 4711\n  signalbox relay retry --all",
		RunE: withDatabase(p, func(cmd *cobra.Command, args []string, db Database) error {
			revisions, err := toRetry(cmd, args, all, db)
			if err != nil {
				return err
			}
			for _, revision := range revisions {
				if err := db.Retry(cmd.Context(), revision); err != nil {
					return err
				}
				if err := printed(fmt.Fprintf(cmd.OutOrStdout(), "trying %d again\n", revision)); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "everything that is parked")
	return cmd
}

// toRetry returns the revisions that are meant.
func toRetry(cmd *cobra.Command, args []string, all bool, db Database) ([]int64, error) {
	if all == (len(args) == 1) || len(args) > 1 {
		return nil, misuse(cmd, "the revision of a parked change, or --all; see 'signalbox relay status'")
	}
	if !all {
		revision, err := parseRevision(args[0])
		return []int64{revision}, err
	}
	status, err := db.RelayStatus(cmd.Context())
	var revisions []int64
	for _, parked := range status.Parked {
		if !parked.Asked {
			revisions = append(revisions, parked.Revision)
		}
	}
	return revisions, err
}

func parseRevision(text string) (int64, error) {
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil || revision < 1 {
		return 0, usageError{errors.New("a revision is a whole number from 1, as 'signalbox relay status' shows it")}
	}
	return revision, nil
}

func printRelay(cmd *cobra.Command, _ []string, db Database) error {
	status, err := db.RelayStatus(cmd.Context())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	table(w, "epoch", status.Epoch)
	table(w, "revision", strconv.FormatInt(status.Head, 10))
	table(w, "published", strconv.FormatInt(status.Published, 10))
	table(w, "pending", strconv.FormatInt(status.Pending(), 10))
	table(w, "oldest", status.OldestAge.Round(time.Millisecond).String())
	table(w, "parked", strconv.Itoa(len(status.Parked)))
	printTopics(w, status.Topics)
	printParked(w, status.Parked)
	return printed(0, w.Flush())
}

// printTopics shows how far each topic is, and why one waits.
func printTopics(w *tabwriter.Writer, topics []relay.TopicStatus) {
	if len(topics) == 0 {
		return
	}
	table(w, "\nTOPIC", "RESOURCES", "PUBLISHED", "PENDING", "OLDEST", "WAITS")
	for _, t := range topics {
		waits := "no"
		if t.Reason != "" {
			waits = "since " + moment(t.Since) + ": " + t.Reason
		}
		table(w, t.Topic, t.AggregateType, strconv.FormatInt(t.Published, 10), strconv.FormatInt(t.Pending, 10),
			t.OldestAge.Round(time.Millisecond).String(), waits)
	}
}

// printParked shows what waits for an operator.
func printParked(w *tabwriter.Writer, parked []ports.Parked) {
	if len(parked) == 0 {
		return
	}
	table(w, "\nREVISION", "RESOURCE", "KEY", "SINCE", "TRIED AGAIN", "REASON")
	for _, p := range parked {
		again := "no"
		if p.Asked {
			again = "yes"
		}
		table(w, strconv.FormatInt(p.Revision, 10), p.AggregateType, p.Key, moment(p.At), again, p.Reason)
	}
}
