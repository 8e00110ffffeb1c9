package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// processTimeout bounds the start and the stop of a process.
const processTimeout = 20 * time.Second

// process is a measured program.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// launch starts a command, which is killed at the end of the bench.
func (b *bench) launch(cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	b.running = append(b.running, p)
	go func() {
		// cmd.ProcessState has the outcome.
		_ = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// stop stops the process gracefully and waits for it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the process: %w", err)
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(processTimeout):
		p.kill()
		return fmt.Errorf("the process did not stop within %s", processTimeout)
	}
}

// kill kills the process if it has not exited.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// rss returns the resident memory of the process in MiB.
func (p *process) rss() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the process's memory: %w", err)
	}
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			kib, err := strconv.ParseFloat(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))), 64)
			if err != nil {
				return 0, fmt.Errorf("read the process's memory: %w", err)
			}
			return kib / 1024, nil
		}
	}
	return 0, errors.New("read the process's memory: no VmRSS")
}
