package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// bench has what the rows share: the built binary, this program for the ceilings, and a
// folder that is removed at the end.
type bench struct {
	binary   string
	self     string
	dir      string
	rounds   int
	duration time.Duration
	notes    io.Writer
	// log receives the logs of the measured processes.
	log     *os.File
	running []*process
}

// mainPackage is the measured program.
const mainPackage = "github.com/signalbox-hq/signalbox/bootstrap/cmd/signalbox"

// newBench builds the binary with the flags of a release.
func newBench(ctx context.Context, o options, notes io.Writer) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "signalbox-bench-")
	if err != nil {
		return nil, fmt.Errorf("create a folder: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	b := &bench{
		binary: filepath.Join(dir, "signalbox"), self: self, dir: dir,
		rounds: o.rounds, duration: o.duration, notes: notes, log: log,
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.binary, mainPackage)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		b.close()
		return nil, fmt.Errorf("build the binary: %w\n%s", err, text)
	}
	return b, nil
}

// close kills running processes and removes the folder.
func (b *bench) close() {
	for _, p := range b.running {
		p.kill()
	}
	if err := errors.Join(b.log.Close(), os.RemoveAll(b.dir)); err != nil {
		b.note("%s stays: %v", b.dir, err)
	}
}

// note prints a message that is not a figure.
func (b *bench) note(format string, args ...any) {
	_, _ = fmt.Fprintf(b.notes, format+"\n", args...)
}

// folder returns a new folder for one row.
func (b *bench) folder() (string, error) {
	dir, err := os.MkdirTemp(b.dir, "")
	if err != nil {
		return "", fmt.Errorf("create a folder: %w", err)
	}
	return dir, nil
}

// signalbox returns a command of the binary, without a .env file in its working folder and
// with the given settings alone. It is killed when ctx ends.
func (b *bench) signalbox(ctx context.Context, args []string, settings ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.binary, args...)
	cmd.Dir, cmd.Stderr = b.dir, b.log
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, settings...)
	return cmd
}

// ceiling returns a command that runs this program as a ceiling.
func (b *bench) ceiling(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.self, append([]string{ceilingCommand}, args...)...)
	cmd.Dir, cmd.Stderr = b.dir, b.log
	return cmd
}

// offering returns a command that runs this program as a client. Its priority is lower, because
// it would not take the service's processors on another machine.
func (b *bench) offering(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nice", "-n", "10", b.self, offerCommand)
	cmd.Dir, cmd.Stderr = b.dir, b.log
	return cmd
}

// warmUp is how long a side is loaded before it is measured.
func (b *bench) warmUp() time.Duration { return b.duration / 5 }

// logTail returns the end of the log, for a failure.
func (b *bench) logTail() string {
	text, err := os.ReadFile(b.log.Name())
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return "\nthe end of the log:\n" + string(bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}
