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
		Short: "Show how far changes were published, and resolve those that the broker refuses",
		Long: `Show how far changes were published, and resolve those that the broker refuses.

Topics are published to independently. One that does not exist, or is not writable, is
paused alone, and resumes by itself when it accepts messages again.

A change that the broker refuses permanently, such as one that is too large, is parked,
and so are later changes of the same resource. Everything else is published. Running
servers carry out what 'retry' and 'skip' request.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "status",
			Short: "Show what is pending, and what is parked",
			Args:  noArgs,
			RunE:  withDatabase(p, printRelay),
		},
		relayRetry(p),
		&cobra.Command{
			Use:     "skip REVISION",
			Short:   "Discard a parked change, and publish those parked after it",
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
		Short:   "Publish a parked change again, and those parked after it",
		Example: "  signalbox relay retry 4711\n  signalbox relay retry --all",
		RunE: withDatabase(p, func(cmd *cobra.Command, args []string, db Database) error {
			if all == (len(args) == 1) || len(args) > 1 {
				return misuse(cmd, "the revision of a parked change, or --all; see 'signalbox relay status'")
			}
			if all {
				return retryAll(cmd, db)
			}
			revision, err := parseRevision(args[0])
			if err != nil {
				return err
			}
			return retry(cmd, db, revision)
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "everything that is parked")
	return cmd
}

func retry(cmd *cobra.Command, db Database, revision int64) error {
	if err := db.Retry(cmd.Context(), revision); err != nil {
		return err
	}
	return printed(fmt.Fprintf(cmd.OutOrStdout(), "retrying %d\n", revision))
}

// retryAll retries everything that is parked, page by page.
func retryAll(cmd *cobra.Command, db Database) error {
	var after ports.Parked
	for {
		page, err := db.Parked(cmd.Context(), after)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, p := range page {
			if p.RetryRequested {
				continue
			}
			if err := retry(cmd, db, p.Revision); err != nil {
				return err
			}
		}
		after = page[len(page)-1]
	}
}

func parseRevision(argument string) (int64, error) {
	revision, err := strconv.ParseInt(argument, 10, 64)
	if err != nil || revision < 1 {
		return 0, usageError{errors.New("a revision is an integer from 1, as 'signalbox relay status' shows it")}
	}
	return revision, nil
}

func printRelay(cmd *cobra.Command, _ []string, db Database) error {
	status, err := db.RelayStatus(cmd.Context())
	if err != nil {
		return err
	}
	parked, err := db.Parked(cmd.Context(), ports.Parked{})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	table(w, "epoch", status.Epoch)
	table(w, "revision", strconv.FormatInt(status.Head, 10))
	table(w, "published", strconv.FormatInt(status.Published, 10))
	table(w, "pending", strconv.FormatInt(status.Pending(), 10))
	table(w, "oldest", status.OldestAge.Round(time.Millisecond).String())
	table(w, "parked", strconv.FormatInt(status.Parked, 10))
	printTopics(w, status.Topics)
	printParked(w, parked, status.Parked)
	return printed(0, w.Flush())
}

// printTopics shows how far each topic is, and why one is paused.
func printTopics(w *tabwriter.Writer, topics []relay.TopicStatus) {
	if len(topics) == 0 {
		return
	}
	table(w, "\nTOPIC", "RESOURCES", "PUBLISHED", "PENDING", "OLDEST", "WAITS")
	for _, t := range topics {
		paused := "no"
		if t.Reason != "" {
			paused = "since " + moment(t.Since) + ": " + t.Reason
		}
		table(w, t.Topic, t.AggregateType, strconv.FormatInt(t.Published, 10), strconv.FormatInt(t.Pending, 10),
			t.OldestAge.Round(time.Millisecond).String(), paused)
	}
}

// printParked shows the first parked aggregates, and how many more there are.
func printParked(w *tabwriter.Writer, parked []ports.Parked, total int64) {
	if len(parked) == 0 {
		return
	}
	table(w, "\nREVISION", "RESOURCE", "KEY", "SINCE", "TRIED AGAIN", "REASON")
	for _, p := range parked {
		retried := "no"
		if p.RetryRequested {
			retried = "yes"
		}
		table(w, strconv.FormatInt(p.Revision, 10), p.AggregateType, p.Key, moment(p.At), retried, p.Reason)
	}
	if more := total - int64(len(parked)); more > 0 {
		table(w, fmt.Sprintf("and %d more", more))
	}
}
