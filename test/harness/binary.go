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
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fromBinary starts PostgreSQL's own server, where the binaries are on this machine.
func fromBinary(s *server) (string, error) {
	own, err := newCluster()
	if own == nil || err != nil {
		return "", err
	}
	s.ends = append(s.ends, own.remove)
	return own.URL, own.start()
}

// Cluster is a PostgreSQL in a folder of its own, on a port that it keeps.
type Cluster struct {
	// URL is a superuser's, to an empty database.
	URL string

	folder  string
	command []string
	run     *syscall.SysProcAttr
	process *exec.Cmd
}

// OwnPostgres returns a PostgreSQL that runs, and is the test's alone.
func OwnPostgres(tb testing.TB) *Cluster {
	tb.Helper()
	own, err := newCluster()
	require.NoError(tb, err)
	if own == nil {
		Skip(tb, "no PostgreSQL that can be stopped: have PostgreSQL's server binaries here")
	}
	tb.Cleanup(own.remove)
	own.Start(tb)
	return own
}

// Start returns when the server answers.
func (c *Cluster) Start(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, c.start())
}

// Stop ends the server at once, as a machine that fails does: it comes back by way of
// its log.
func (c *Cluster) Stop() {
	_ = c.process.Process.Signal(syscall.SIGQUIT)
	_ = c.process.Wait()
}

// newCluster returns one that does not run yet, nil where the binaries are missing.
func newCluster() (*Cluster, error) {
	initdb, postgres := serverBinary("initdb"), serverBinary("postgres")
	if initdb == "" || postgres == "" {
		return nil, nil
	}
	folder, err := os.MkdirTemp("", "signalbox-postgres-*")
	if err != nil {
		return nil, fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	own := &Cluster{folder: folder}
	if own.run, err = asServerUser(folder); err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	setup := exec.CommandContext(context.Background(), initdb, "-D", data, "-U", "signalbox", "-A", "trust", "-E", "UTF8", "--no-sync")
	setup.SysProcAttr = own.run
	if out, err := setup.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	own.command = []string{
		postgres, "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", folder,
		"-c", "fsync=off", "-c", "max_connections=200",
	}
	own.URL = fmt.Sprintf("postgres://signalbox@127.0.0.1:%d/postgres?sslmode=disable", port)
	return own, nil
}

func (c *Cluster) start() error {
	c.process = exec.CommandContext(context.Background(), c.command[0], c.command[1:]...)
	c.process.SysProcAttr = c.run
	if err := c.process.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	_, err := awaitServer(c.URL)
	return err
}

func (c *Cluster) remove() {
	if c.process != nil {
		c.Stop()
	}
	_ = os.RemoveAll(c.folder)
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
