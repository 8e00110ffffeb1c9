package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// profiledPackage is the service with a CPU profile.
const profiledPackage = "github.com/signalbox-hq/signalbox/test/bench/profiled"

// guards returns the expression of functions that authenticate callers, decide on access
// and limit requests: a sample counts if one of them is on its stack. None of them calls the
// operation itself.
func guards() string {
	const module = `signalbox-hq/signalbox/`
	packages := []string{"domain/access", "application/accessapp", "application/ratelimit", "adapters/ginapi/rest/limit"}
	functions := []string{
		`\(\*Router\)\.(authenticate|admit|checkReserved|countRate|limitFailure)`, `\(\*request\)\.(leave|isReserved)`,
	}
	return module + `((` + strings.Join(packages, "|") + `)\.|adapters/ginapi/rest\.(` + strings.Join(functions, "|") + `))`
}

// authOverhead measures which part of the server's CPU time goes into authentication, policy
// and limits, in percent, during the load of config-read-hot, with further settings.
func authOverhead(settings ...string) func(context.Context, *bench) (outcome, error) {
	return func(ctx context.Context, b *bench) (outcome, error) { return b.authOverhead(ctx, settings) }
}

func (b *bench) authOverhead(ctx context.Context, settings []string) (outcome, error) {
	dir, err := b.folder()
	if err != nil {
		return outcome{}, err
	}
	s, path, err := b.serveProfiled(ctx, dir, settings)
	if err != nil {
		return outcome{}, err
	}
	if _, err := prepareRead(ctx, s); err != nil {
		return outcome{}, err
	}
	request := race{method: http.MethodGet, path: readPath}.request(s.key, nil)
	l := load{
		address: s.address, status: http.StatusOK,
		request: func() func() []byte { return func() []byte { return request } },
	}
	if _, err := l.run(ctx, b.warmUp()); err != nil {
		return outcome{}, err
	}
	var figures []float64
	for range b.rounds {
		percent, err := s.profile(ctx, path, func() error {
			_, err := l.run(ctx, b.duration)
			return err
		})
		if err != nil {
			return outcome{}, err
		}
		figures = append(figures, percent)
	}
	return outcome{value: median(figures)}, s.stop()
}

// serveProfiled starts the service with a CPU profile.
func (b *bench) serveProfiled(
	ctx context.Context, dir string, settings []string,
) (s *service, path string, err error) {
	profiled := *b
	profiled.binary, path = filepath.Join(dir, "profiled"), filepath.Join(dir, "cpu.profile")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", profiled.binary, profiledPackage)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("build the profiled service: %w\n%s", err, text)
	}
	settings = append([]string{"BENCH_CPU_PROFILE=" + path}, settings...)
	s, err = profiled.serve(ctx, sqliteURL(filepath.Join(dir, "auth.db")), settings...)
	b.running = profiled.running
	return s, path, err
}

// profile profiles the service under a load, and returns the percentage of the guards.
func (s *service) profile(ctx context.Context, path string, under func() error) (float64, error) {
	_ = os.Remove(path)
	if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return 0, fmt.Errorf("begin the profile: %w", err)
	}
	if err := awaitFile(ctx, path+".part"); err != nil {
		return 0, err
	}
	if err := under(); err != nil {
		return 0, err
	}
	if err := s.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		return 0, fmt.Errorf("end the profile: %w", err)
	}
	if err := awaitFile(ctx, path); err != nil {
		return 0, err
	}
	top := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodefraction=0", "-nodecount=1000000",
		"-focus="+guards(), path)
	text, err := top.Output()
	if err != nil {
		return 0, fmt.Errorf("read the profile: %w", err)
	}
	return shownPercent(text)
}

// awaitFile waits until a file exists.
func awaitFile(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", filepath.Base(path), context.Cause(ctx))
		}
	}
}

// shownPercent returns the percentage of samples that pprof shows. None is an error: no
// service authenticates for nothing.
func shownPercent(text []byte) (float64, error) {
	shown := regexp.MustCompile(`Showing nodes accounting for .*?, +([0-9.]+)% of [0-9.]+[a-z]+ total`)
	match := shown.FindSubmatch(text)
	if match == nil {
		return 0, fmt.Errorf("read the profile: no total in %q", text)
	}
	percent, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		return 0, fmt.Errorf("read the profile: %w", err)
	}
	if percent == 0 {
		return 0, errors.New("read the profile: no sample of authentication; measure for longer")
	}
	return percent, nil
}
