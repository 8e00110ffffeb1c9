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

// fromBinary starts PostgreSQL if its server binaries are installed.
func fromBinary(s *server) (string, error) {
	cluster, err := newCluster()
	if cluster == nil || err != nil {
		return "", err
	}
	s.cleanups = append(s.cleanups, cluster.remove)
	return cluster.URL, cluster.start()
}

// Cluster is a PostgreSQL in a folder of its own, on a fixed port.
type Cluster struct {
	// URL is the URL of a superuser and an empty database.
	URL string
	// Socket is the path of the socket.
	Socket string

	folder  string
	command []string
	run     *syscall.SysProcAttr
	process *exec.Cmd
}

// OwnPostgres returns a running PostgreSQL for one test.
func OwnPostgres(tb testing.TB) *Cluster {
	tb.Helper()
	cluster := stoppedPostgres(tb)
	cluster.Start(tb)
	return cluster
}

func stoppedPostgres(tb testing.TB) *Cluster {
	tb.Helper()
	cluster, err := newCluster()
	require.NoError(tb, err)
	if cluster == nil {
		Skip(tb, "no PostgreSQL that can be stopped: install PostgreSQL's server binaries")
	}
	tb.Cleanup(cluster.remove)
	return cluster
}

// Start starts the server and waits until it is ready.
func (c *Cluster) Start(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, c.start())
}

// Stop stops the server immediately, as a crash does: the next start recovers from the
// write-ahead log.
func (c *Cluster) Stop() {
	_ = c.process.Process.Signal(syscall.SIGQUIT)
	_ = c.process.Wait()
}

// newCluster returns a cluster that does not run yet, nil if the binaries are missing.
func newCluster() (*Cluster, error) {
	initdb, postgres := serverBinary("initdb"), serverBinary("postgres")
	if initdb == "" || postgres == "" {
		return nil, nil
	}
	folder, err := os.MkdirTemp("", "signalbox-postgres-*")
	if err != nil {
		return nil, fmt.Errorf("create a folder for PostgreSQL: %w", err)
	}
	cluster := &Cluster{folder: folder}
	if cluster.run, err = asServerUser(folder); err != nil {
		return nil, err
	}
	data, password := filepath.Join(folder, "data"), filepath.Join(folder, "password")
	if err := os.WriteFile(password, []byte("signalbox\n"), 0o644); err != nil {
		return nil, fmt.Errorf("write the password: %w", err)
	}
	setup := exec.CommandContext(context.Background(), initdb, "-D", data, "-U", "signalbox", "-A", "scram-sha-256",
		"--pwfile", password, "-E", "UTF8", "--no-sync")
	setup.SysProcAttr = cluster.run
	if out, err := setup.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cluster.command = []string{
		postgres, "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", folder,
		"-c", "fsync=off", "-c", "max_connections=200",
	}
	cluster.Socket = filepath.Join(folder, fmt.Sprintf(".s.PGSQL.%d", port))
	cluster.URL = fmt.Sprintf("postgres://signalbox:signalbox@127.0.0.1:%d/postgres?sslmode=disable", port)
	return cluster, nil
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

// serverBinary returns the path of a server program in the PATH, or of the newest version
// that Debian installs outside of it.
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

// awaitServer returns the address once the server is ready.
func awaitServer(address string) (string, error) {
	deadline := time.After(startTimeout)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ping(address)
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
