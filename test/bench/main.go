package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures, or runs the ceiling that a measuring process started.
func run(ctx context.Context, args []string, out, notes io.Writer) error {
	if len(args) > 0 && args[0] == ceilingCommand {
		return runCeiling(ctx, args[1:], os.Stdin, out)
	}
	if len(args) == 1 && args[0] == offerCommand {
		return offerTo(ctx, os.Stdin, out)
	}
	o, err := parseOptions(args, notes)
	if err != nil {
		return err
	}
	chosen, err := choose(rows(), o.only)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, o, notes)
	if err != nil {
		return err
	}
	defer b.close()
	return measureAll(ctx, b, chosen, newPrinter(o.json, out))
}

// measureAll prints each row as soon as it is measured.
func measureAll(ctx context.Context, b *bench, chosen []row, p printer) error {
	p.begin()
	for _, r := range chosen {
		measured, err := r.measure(ctx, b)
		if missing, ok := errors.AsType[*missingError](err); ok {
			b.note("%s is left out: %v", r.name, missing)
			continue
		}
		if ctx.Err() != nil {
			return errors.Join(errors.New("interrupted"), p.end())
		}
		if err != nil {
			return errors.Join(fmt.Errorf("measure %s: %w%s", r.name, err, b.logTail()), p.end())
		}
		if err := p.print(r.result(measured)); err != nil {
			return err
		}
	}
	return p.end()
}

// options are the options of the command line.
type options struct {
	json     bool
	only     string
	rounds   int
	duration time.Duration
}

func parseOptions(args []string, notes io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(notes)
	flags.BoolVar(&o.json, "json", false, "print one JSON object a line")
	flags.StringVar(&o.only, "only", "", "measure the rows of this `name` alone: "+strings.Join(names(rows()), ", "))
	flags.IntVar(&o.rounds, "rounds", 5, "how often to measure each row")
	flags.DurationVar(&o.duration, "duration", 3*time.Second, "how long to load each side in a round")
	if err := flags.Parse(args); err != nil {
		return o, fmt.Errorf("read the flags: %w", err)
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("%q is not a flag", flags.Arg(0))
	case o.rounds < 1 || o.duration < 10*time.Millisecond:
		return o, errors.New("-rounds must be 1 or more, and -duration 10ms or more")
	}
	return o, nil
}

// choose returns the row of a name, or the rows whose names begin with it and a dash.
func choose(all []row, only string) ([]row, error) {
	var chosen []row
	for _, r := range all {
		if only == "" || r.name == only || strings.HasPrefix(r.name, only+"-") {
			chosen = append(chosen, r)
		}
	}
	if chosen == nil {
		return nil, fmt.Errorf("there is no row %q; there are %s", only, strings.Join(names(all), ", "))
	}
	return chosen, nil
}

func names(all []row) []string {
	list := make([]string, len(all))
	for i, r := range all {
		list[i] = r.name
	}
	return list
}
