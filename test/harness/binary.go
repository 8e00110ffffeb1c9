package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// fromBinary starts PostgreSQL's own server on a free port in a folder that goes
// with it, where the binaries are on this machine.
func fromBinary(s *server) (string, error) {
	initdb, postgres := serverBinary("initdb"), serverBinary("postgres")
	if initdb == "" || postgres == "" {
		return "", nil
	}
	folder, err := os.MkdirTemp("", "signalbox-postgres-*")
	if err != nil {
		return "", fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	s.ends = append(s.ends, func() { _ = os.RemoveAll(folder) })
	run, err := asServerUser(folder)
	if err != nil {
		return "", err
	}
	data := filepath.Join(folder, "data")
	setup := exec.CommandContext(context.Background(), initdb, "-D", data, "-U", "signalbox", "-A", "trust", "-E", "UTF8", "--no-sync")
	setup.SysProcAttr = run
	if out, err := setup.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	process := exec.CommandContext(context.Background(), postgres, "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(port),
		"-k", folder, "-c", "fsync=off", "-c", "max_connections=200")
	process.SysProcAttr = run
	if err := process.Start(); err != nil {
		return "", fmt.Errorf("start postgres: %w", err)
	}
	s.ends = append(s.ends, func() {
		_ = process.Process.Signal(syscall.SIGQUIT)
		_ = process.Wait()
	})
	return awaitServer(fmt.Sprintf("postgres://signalbox@127.0.0.1:%d/postgres?sslmode=disable", port))
}

// serverBinary finds a program of PostgreSQL's server, which Debian keeps out of
// the PATH; the newest version counts.
func serverBinary(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

func freePort() (int, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("find a free port: not a TCP address")
	}
	return address.Port, listener.Close()
}

// awaitServer returns the address once the server answers.
func awaitServer(address string) (string, error) {
	deadline := time.After(startTimeout)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := answers(address)
		if err == nil {
			return address, nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			return "", fmt.Errorf("wait for PostgreSQL: %w", err)
		}
	}
}
