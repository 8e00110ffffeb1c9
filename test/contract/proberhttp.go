package contract

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// replying answers with a code.
func replying(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func probeStatus(t *testing.T, p health.Prober) {
	result := probes(t, p, 0, getting(answering(t, replying(http.StatusNoContent))))
	assert.True(t, result.Passed())
	assert.Equal(t, http.StatusNoContent, result.Code)
	assert.Positive(t, result.Latency)

	several := getting(answering(t, replying(http.StatusTooManyRequests)))
	several.Expect = append(several.Expect, health.Range{First: 429, Last: 429})
	assert.Equal(t, http.StatusTooManyRequests, probes(t, p, 0, several).Code)
}

func probeWrongStatus(t *testing.T, p health.Prober) {
	for _, code := range []int{http.StatusNotFound, http.StatusInternalServerError, http.StatusMultipleChoices} {
		result := probes(t, p, health.WrongStatus, getting(answering(t, replying(code))))
		assert.Equal(t, code, result.Code)
	}
}

func probeRedirect(t *testing.T, p health.Prober) {
	url := answering(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/", r.URL.Path, "the redirect was followed")
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	result := probes(t, p, health.WrongStatus, getting(url))
	assert.Equal(t, http.StatusFound, result.Code)

	expected := getting(url)
	expected.Expect = []health.Range{{First: 302, Last: 302}}
	probes(t, p, 0, expected)
}

func probeHeaders(t *testing.T, p health.Prober) {
	seen := make(chan *http.Request, 1)
	probe := getting(answering(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r }))
	probe.Method = http.MethodHead
	probe.Headers = map[string]string{"Accept": "text/plain", "X-Health-Check": "a, b", "User-Agent": "mine/2"}
	probes(t, p, 0, probe)
	r := <-seen
	assert.Equal(t, http.MethodHead, r.Method)
	for name, value := range probe.Headers {
		assert.Equal(t, []string{value}, r.Header[name])
	}
	for _, name := range []string{"Cookie", "Authorization", "Referer", "Accept-Encoding"} {
		assert.Empty(t, r.Header[name], name)
	}
}

func probeContains(t *testing.T, p health.Prober) {
	const text = "all is well"
	for _, at := range []int{0, 5, bodyRead - len(text)} {
		probe := getting(answering(t, saying(strings.Repeat("x", at)+text+"y")))
		probe.Contains = text
		probes(t, p, 0, probe)
	}
	for _, at := range []int{bodyRead - len(text) + 1, bodyRead} {
		probe := getting(answering(t, saying(strings.Repeat("x", at)+text+"y")))
		probe.Contains = text
		probes(t, p, health.WrongBody, probe)
	}
	probe := getting(answering(t, saying("All is well")))
	probe.Contains = text
	assert.Equal(t, http.StatusOK, probes(t, p, health.WrongBody, probe).Code)
}

func saying(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func probeEndless(t *testing.T, p health.Prober) {
	ended := make(chan struct{}, 2)
	url := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		for line := strings.Repeat("x", 1<<10); ; {
			if _, err := io.WriteString(w, line); err != nil {
				ended <- struct{}{}
				return
			}
		}
	})
	probes(t, p, 0, getting(url))
	awaited(t, ended)
	looking := getting(url)
	looking.Contains = "y"
	probes(t, p, health.WrongBody, looking)
	awaited(t, ended)
}

func probeEndlessHeaders(t *testing.T, p health.Prober) {
	ended := make(chan struct{})
	address := listening(t, func(conn *net.TCPConn) {
		defer close(ended)
		_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
		for line := "X: " + strings.Repeat("x", 1<<10) + "\r\n"; err == nil; {
			_, err = io.WriteString(conn, line)
		}
	})
	probes(t, p, health.Garbled, getting("http://"+address))
	awaited(t, ended)
}

// repeating returns the URL of a server that sends a text, and then another repeatedly
// until the client closes; ended reports that.
func repeating(t *testing.T, first, again string) (target string, ended <-chan struct{}) {
	t.Helper()
	over := make(chan struct{})
	address := listening(t, func(conn *net.TCPConn) {
		defer close(over)
		_, err := io.WriteString(conn, first)
		for err == nil {
			_, err = io.WriteString(conn, again)
		}
	})
	return "http://" + address, over
}

func probeEndlessInterim(t *testing.T, p health.Prober) {
	target, ended := repeating(t, "", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
	assert.False(t, p.Probe(t.Context(), getting(target)).Passed())
	awaited(t, ended)
}

func probeEndlessTrailers(t *testing.T, p health.Prober) {
	target, ended := repeating(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\n",
		"X: "+strings.Repeat("x", 1<<10)+"\r\n")
	assert.False(t, p.Probe(t.Context(), getting(target)).Passed())
	awaited(t, ended)
}

func probeCompressed(t *testing.T, p health.Prober) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := io.WriteString(w, strings.Repeat("x", 1<<24)+"needle")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	probe := getting(answering(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Empty(t, r.Header["Accept-Encoding"])
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	}))
	probes(t, p, 0, probe)
	probe.Contains = "xxxx"
	probes(t, p, health.WrongBody, probe)
}

func probeDrippingHeaders(t *testing.T, p health.Prober) {
	probe := getting("http://" + listening(t, func(conn *net.TCPConn) {
		// A response before the request would be an unsolicited one.
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
		_, _ = io.Copy(io.Discard, conn)
	}))
	probe.Timeout = soon
	probes(t, p, health.TimedOut, probe)
}

// awaited waits until something has happened.
func awaited(t *testing.T, happened <-chan struct{}) {
	t.Helper()
	select {
	case <-happened:
	case <-time.After(patience):
		require.Fail(t, "it did not happen")
	}
}

func probeCutBody(t *testing.T, p health.Prober) {
	address := talking(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")
	probe := getting("http://" + address)
	assert.Equal(t, http.StatusOK, probes(t, p, health.Garbled, probe).Code)
}

func probeUntrusted(t *testing.T, p health.Prober) {
	server := httptest.NewUnstartedServer(replying(http.StatusOK))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	probes(t, p, health.Untrusted, getting(server.URL))
	plain := answering(t, replying(http.StatusOK))
	probes(t, p, health.Untrusted, getting(strings.Replace(plain, "http:", "https:", 1)))
}
