package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/cli"
	"github.com/signalbox-hq/signalbox/bootstrap/heap"
	"github.com/signalbox-hq/signalbox/bootstrap/loop"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// startTimeout bounds the start, including the wait for the database.
const startTimeout = databaseTimeout + 15*time.Second

// Main runs the command line and returns its exit code.
func Main(version string, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	return Run(ctx, Process{
		Version: Version(version), Args: args, Environ: os.Environ(), Out: os.Stdout, Err: os.Stderr,
	})
}

// stopSignals returns the signals that stop the program gracefully. SIGHUP is one, since
// settings are read once; nohup(1), which has it ignored, keeps its effect.
func stopSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// Process is the environment of a program: its arguments, variables and outputs.
type Process struct {
	Version Version
	Args    []string
	Environ []string
	Out     io.Writer
	Err     io.Writer
}

// Run runs one command until it completes or ctx ends, and returns its exit code.
func Run(ctx context.Context, p Process) int {
	//nolint:contextcheck // commands get ctx from ExecuteContext
	root := cli.New(&program{process: p}, string(p.Version))
	root.SetArgs(cli.Arguments(p.Args))
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	err := root.ExecuteContext(ctx)
	if err != nil {
		_, _ = fmt.Fprintln(p.Err, "signalbox:", sentence(err)) // there is no other output for an error
	}
	return cli.ExitCode(err)
}

// sentence returns an error for an operator: the message of a fault, its fields and its
// cause.
func sentence(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind() == fault.Internal {
		return err.Error()
	}
	lines := []string{f.Message()}
	for _, field := range f.Fields() {
		lines = append(lines, "  "+field.Name+" "+field.Message)
	}
	if cause := f.Unwrap(); cause != nil {
		lines = append(lines, "  "+cause.Error())
	}
	return strings.Join(lines, "\n")
}

// program implements the commands.
type program struct{ process Process }

// load reads the settings and returns a logger for them.
func (p *program) load() (settings.Settings, *zap.Logger, error) {
	s, warnings, err := settings.Load(p.process.Environ, ".env", Descriptors().Topics())
	if err != nil {
		return settings.Settings{}, nil, settingsError{err}
	}
	log := newLogger(s, p.process.Err)
	for _, w := range warnings {
		log.Warn(w)
	}
	return s, log, nil
}

// settingsError has the exit code of a wrong usage.
type settingsError struct{ error }

// Unwrap returns the invalid settings.
func (e settingsError) Unwrap() error { return e.error }

// ExitCode returns cli.ExitUsage.
func (settingsError) ExitCode() int { return cli.ExitUsage }

// Serve runs the service until ctx ends or it fails.
func (p *program) Serve(ctx context.Context) error {
	s, log, err := p.load()
	if err != nil {
		return err
	}
	tuning := p.tuneHeap(s, log)
	tuning.Start() //nolint:contextcheck // the loop ends with this call
	defer tuning.Stop()
	app := New(s, p.process.Version, Output{Out: p.process.Out, Terminal: isTerminal(p.process.Out), Log: log})
	startCtx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := app.Start(startCtx); err != nil {
		if ctx.Err() != nil {
			log.Info("stopped before ready")
			return nil
		}
		return err
	}
	var failed error
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case failed = <-app.Failed():
	}
	stopCtx, cancelStop := context.WithTimeout(context.WithoutCancel(ctx), s.ShutdownTimeout())
	defer cancelStop()
	return errors.Join(failed, app.Stop(stopCtx))
}

// tuneEvery is the interval at which the garbage collector is adapted to the heap.
const tuneEvery = time.Second

// tuneHeap returns the loop that adapts the garbage collector to the heap; none if GOGC is
// set.
func (p *program) tuneHeap(s settings.Settings, log *zap.Logger) *loop.Group {
	reporter := loop.NewReporter(log)
	if slices.ContainsFunc(p.process.Environ, func(e string) bool { return strings.HasPrefix(e, "GOGC=") }) {
		return loop.NewGroup(reporter)
	}
	return loop.NewGroup(reporter, loop.Loop{
		Every: tuneEvery, Immediate: true, Timeout: tuneEvery,
		Step:    loop.Once(heap.NewTuner(int64(s.GCHeadroom)).Tune),
		Failing: "garbage collector tuning failed", Recovered: "garbage collector tuning recovered",
	})
}
