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

// Patience is how long a process may take to start or to stop.
const patience = 20 * time.Second

// process is a program that is measured from outside.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// launch starts a command, which ends with the bench at the latest.
func (b *bench) launch(cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	b.running = append(b.running, p)
	go func() {
		// How it ended is in cmd.ProcessState.
		_ = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// stop ends the process as an operator would and waits for it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the process: %w", err)
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
		p.kill()
		return fmt.Errorf("the process did not stop within %s", patience)
	}
}

// kill ends the process at once, if it has not ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// rss returns how much memory the process holds, in MiB.
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
