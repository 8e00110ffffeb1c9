package fault_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

const (
	// Slow writers send a byte per pause; unread streams never read.
	slowWriters, unreadStreams = 2000, 500
	bytePause                  = 10 * time.Second
	// MoreMemory bounds the memory that all of them use, in bytes.
	moreMemory = 128 << 20
)

// resident returns the resident memory of a process in bytes (proc(5), statm).
func resident(t *testing.T, p *e2etest.Process) int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.Cmd.Process.Pid) + "/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}

// writeSlowly keeps a connection busy with a request that it sends slowly.
func writeSlowly(ctx context.Context, address string, open *atomic.Int64) {
	for ctx.Err() == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			continue
		}
		open.Add(1)
		request := []byte("GET /livez HTTP/1.1\r\n")
		for ended := false; !ended && ctx.Err() == nil && len(request) > 0; request = request[1:] {
			_, writeErr := conn.Write(request[:1])
			_ = conn.SetReadDeadline(time.Now().Add(bytePause))
			_, readErr := conn.Read(make([]byte, 1))
			ended = writeErr != nil || !os.IsTimeout(readErr)
		}
		open.Add(-1)
		_ = conn.Close()
	}
}

// openUnreadStream opens streams of all changes and reads nothing of them.
func openUnreadStream(ctx context.Context, address, key string, open *atomic.Int64) {
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
		})
	}}
	for ctx.Err() == nil {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			continue
		}
		_, _ = fmt.Fprintf(conn, "GET /api/v1/changes/stream?since=0 HTTP/1.1\r\nHost: e2e\r\nAuthorization: ApiKey %s\r\n\r\n", key)
		open.Add(1)
		again, cancel := context.WithTimeout(ctx, 2*bytePause)
		<-again.Done() // the service has given it up before
		cancel()
		open.Add(-1)
		_ = conn.Close()
	}
}

// readLatencies returns the p99 of reads of normal clients of two services, each in the
// fastest of some rounds. The rounds alternate, as the machine has other load.
func readLatencies(t *testing.T, one, other e2etest.Client) (ofOne, ofOther time.Duration) {
	t.Helper()
	ofOne, ofOther = time.Hour, time.Hour
	for range 7 {
		ofOne = min(ofOne, readLatency(t, one))
		ofOther = min(ofOther, readLatency(t, other))
	}
	return ofOne, ofOther
}

// readLatency returns the p99 of the reads of one round.
func readLatency(t *testing.T, c e2etest.Client) time.Duration {
	t.Helper()
	v := &report{}
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			own := &http.Transport{}
			defer own.CloseIdleConnections()
			for range 500 {
				began := time.Now()
				if err := readOnce(own, c); err != nil {
					v.failf("%v", err)
					return
				}
				v.record(time.Since(began))
			}
		})
	}
	clients.Wait()
	v.requireNoFailures(t)
	return v.quantile(0.99)
}

func readOnce(transport *http.Transport, c e2etest.Client) error {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, c.URL+e2etest.ReadPath("k"), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "ApiKey "+c.Key)
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", response.Status)
	}
	_, err = io.Copy(io.Discard, bufio.NewReader(response.Body))
	return err
}

// TestFaultSlowClients opens thousands of connections that send almost nothing, or request
// all changes and read none. The latency of other clients stays within twice that of a
// service without such connections, and the memory stays bounded. It runs before the
// parallel tests, because it measures.
func TestFaultSlowClients(t *testing.T) {
	undisturbed, p := serveChanges(t), serveChanges(t)
	c, address := p.Admin(t), strings.TrimPrefix(p.URL, "http://")
	ctx, stop := context.WithCancel(t.Context())
	v := &report{}
	var running sync.WaitGroup
	for _, of := range []e2etest.Client{undisturbed.Admin(t), c} {
		running.Go(func() { disturb(ctx, v, of, 0, 20*time.Millisecond) })
	}
	readLatencies(t, undisturbed.Admin(t), c)
	memory := resident(t, p)

	var connections, streams atomic.Int64
	for range slowWriters {
		running.Go(func() { writeSlowly(ctx, address, &connections) })
	}
	for range unreadStreams {
		running.Go(func() { openUnreadStream(ctx, address, c.Key, &streams) })
	}
	require.Eventually(t, func() bool { return connections.Load() == slowWriters && streams.Load() == unreadStreams }, e2etest.Timeout, e2etest.PollInterval)
	most, worst := 0, 0.0
	for range harness.Scale(20, 2) {
		without, with := readLatencies(t, undisturbed.Admin(t), c)
		t.Logf("p99 is %s, and %s with %d slow connections and %d unread streams", without, with, slowWriters, unreadStreams)
		worst = max(worst, float64(with)/float64(without))
		most = max(most, resident(t, p))
	}
	stop()
	running.Wait()
	v.requireNoFailures(t)
	t.Logf("memory %d MiB, then %d MiB", memory>>20, most>>20)
	require.LessOrEqual(t, worst, 2.0)
	require.Less(t, most-memory, moreMemory)
}

// serveChanges runs a service with 500 changes.
func serveChanges(t *testing.T) *e2etest.Process {
	t.Helper()
	p := e2etest.Serve(t, e2etest.NewSQLite(t), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	c := p.Admin(t)
	c.Create(t, "k", "v")
	for n := range 500 {
		c.CreateID(t, fmt.Sprint("k", n), strings.Repeat("x", 100))
	}
	return p
}
