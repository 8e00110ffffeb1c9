package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/cli"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// startTimeout bounds the start, waiting for the database included.
const startTimeout = databaseTimeout + 15*time.Second

// Main runs the command line and returns its exit code.
func Main(version string, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, Process{
		Version: Version(version), Args: args, Environ: os.Environ(), Out: os.Stdout, Err: os.Stderr,
	})
}

// Process is what the operating system gives a program.
type Process struct {
	Version Version
	Args    []string
	Environ []string
	Out     io.Writer
	Err     io.Writer
}

// Run runs one command until it is done or ctx ends, and returns its exit code.
func Run(ctx context.Context, p Process) int {
	//nolint:contextcheck // commands get ctx from ExecuteContext
	root := cli.New(&program{process: p}, string(p.Version))
	root.SetArgs(p.Args)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	err := root.ExecuteContext(ctx)
	if err != nil {
		_, _ = fmt.Fprintln(p.Err, "signalbox:", sentence(err)) // nobody is left to tell if this fails
	}
	return cli.ExitCode(err)
}

// sentence returns what an operator should read of an error: of a fault its
// message, its places, and what led to it.
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

// program does what the commands say.
type program struct{ process Process }

// load reads the settings and makes the logger that they ask for.
func (p *program) load() (settings.Settings, *zap.Logger, error) {
	s, warnings, err := settings.Load(p.process.Environ, ".env", Descriptors().Topics())
	if err != nil {
		return settings.Settings{}, nil, wrongSettingsError{err}
	}
	log := newLogger(s, p.process.Err)
	for _, w := range warnings {
		log.Warn(w)
	}
	return s, log, nil
}

// wrongSettingsError exits as a wrong usage does.
type wrongSettingsError struct{ error }

// Unwrap returns what is wrong.
func (e wrongSettingsError) Unwrap() error { return e.error }

// ExitCode returns cli.ExitUsage.
func (wrongSettingsError) ExitCode() int { return cli.ExitUsage }

// Serve runs the service until ctx ends or it cannot go on.
func (p *program) Serve(ctx context.Context) error {
	s, log, err := p.load()
	if err != nil {
		return err
	}
	app := New(s, p.process.Version, Output{Out: p.process.Out, Log: log})
	startCtx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := app.Start(startCtx); err != nil {
		if ctx.Err() != nil {
			log.Info("stopped before it was ready")
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
