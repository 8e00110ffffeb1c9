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
	// Hesitant connections send a byte in so long, deaf streams never read.
	hesitant, deaf = 2000, 500
	bytePause      = 10 * time.Second
	// MoreMemory is what all of them may cost, in bytes.
	moreMemory = 128 << 20
)

// resident returns how many bytes of a process are in memory (proc(5), statm).
func resident(t *testing.T, p *e2etest.Process) int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.Cmd.Process.Pid) + "/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}

// hesitate keeps a connection busy with a request that never gets far.
func hesitate(ctx context.Context, address string, open *atomic.Int64) {
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

// stare opens a stream of all changes and reads nothing of it, again and again.
func stare(ctx context.Context, address, key string, open *atomic.Int64) {
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

// calm returns the p99 of reads by clients that behave, in the quietest of some rounds:
// the machine has more to do than this.
func calm(t *testing.T, c e2etest.Client) time.Duration {
	t.Helper()
	best := time.Hour
	for range 7 {
		v := &verdict{}
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				own := &http.Transport{}
				defer own.CloseIdleConnections()
				for range 500 {
					began := time.Now()
					if err := readOnce(own, c); err != nil {
						v.blame("%v", err)
						return
					}
					v.note(time.Since(began))
				}
			})
		}
		clients.Wait()
		v.requireFine(t)
		best = min(best, v.quantile(0.99))
	}
	return best
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
		return fmt.Errorf("answered %s", response.Status)
	}
	_, err = io.Copy(io.Discard, bufio.NewReader(response.Body))
	return err
}

// TestFaultSlowClients has thousands of clients hold connections and say almost nothing, or
// ask for all changes and read none. Those who behave notice little, and memory has a
// bound. It runs before the tests that run together, because it measures.
func TestFaultSlowClients(t *testing.T) {
	p := e2etest.Serve(t, e2etest.NewSQLite(t), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	c, address := p.Admin(t), strings.TrimPrefix(p.URL, "http://")
	c.Create(t, "k", "v")
	for n := range 500 {
		c.CreateID(t, fmt.Sprint("k", n), strings.Repeat("x", 100))
	}
	ctx, stop := context.WithCancel(t.Context())
	v := &verdict{}
	var atWork sync.WaitGroup
	atWork.Go(func() { disturb(ctx, v, c, 0, 20*time.Millisecond) })
	before, memory := calm(t, c), resident(t, p)

	var held, streams atomic.Int64
	for range hesitant {
		atWork.Go(func() { hesitate(ctx, address, &held) })
	}
	for range deaf {
		atWork.Go(func() { stare(ctx, address, c.Key, &streams) })
	}
	require.Eventually(t, func() bool { return held.Load() == hesitant && streams.Load() == deaf }, e2etest.Timeout, e2etest.PollInterval)
	most, worst := 0, time.Duration(0)
	for range harness.Scale(20, 2) {
		worst = max(worst, calm(t, c))
		most = max(most, resident(t, p))
	}
	stop()
	atWork.Wait()
	v.requireFine(t)
	t.Logf("p99 was %s, and is %s with %d connections that hesitate and %d streams that nobody reads; memory %d MiB, then %d MiB",
		before, worst, hesitant, deaf, memory>>20, most>>20)
	require.LessOrEqual(t, worst, 2*before)
	require.Less(t, most-memory, moreMemory)
}
