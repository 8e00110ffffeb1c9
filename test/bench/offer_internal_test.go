package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// alternating answers 200 and 503 in turn, and notes keys and addresses.
type alternating struct {
	requests        atomic.Int64
	mu              sync.Mutex
	keys, addresses map[string]int
}

func (a *alternating) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.keys[r.Header.Get("Authorization")]++
	host, _, _ := strings.Cut(r.RemoteAddr, ":")
	a.addresses[host]++
	a.mu.Unlock()
	if a.requests.Add(1)%2 == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func startAlternating(t *testing.T) (*alternating, string) {
	t.Helper()
	a := &alternating{keys: map[string]int{}, addresses: map[string]int{}}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return a, strings.TrimPrefix(server.URL, "http://")
}

func TestOffer(t *testing.T) {
	t.Parallel()

	t.Run("requests are sent at the rate, and counted by status", func(t *testing.T) {
		t.Parallel()
		a, address := startAlternating(t)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		o := offer{Address: address, PerSecond: 400, Connections: 4, Path: "/x", Key: "k", Within: time.Minute}
		result, err := o.run(ctx, func() {})
		require.NoError(t, err)
		assert.Equal(t, a.requests.Load(), result.sent())
		assert.InDelta(t, result.sent()/2, result.Good, 1)
		assert.Equal(t, result.Good, result.Statuses[http.StatusOK])
		assert.Positive(t, result.Statuses[http.StatusServiceUnavailable])
		assert.LessOrEqual(t, result.sent()+result.Unsent, int64(400*result.Took.Seconds())+1)
		assert.Len(t, a.keys, 1)
	})
	t.Run("wrong keys differ, and come from different addresses", func(t *testing.T) {
		t.Parallel()
		a, address := startAlternating(t)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		result, err := offer{Address: address, PerSecond: 400, Connections: 8, Path: "/x", Within: 0}.run(ctx, func() {})
		require.NoError(t, err)
		assert.Zero(t, result.Good, "none is in time")
		assert.Len(t, a.keys, int(result.sent()))
		assert.Greater(t, len(a.addresses), 1)
	})
	t.Run("as a process it says when it begins, and ends with its input", func(t *testing.T) {
		t.Parallel()
		a, address := startAlternating(t)
		in, input := io.Pipe()
		output, out := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- offerTo(t.Context(), in, out) }()
		require.NoError(t, json.NewEncoder(input).Encode(
			offer{Address: address, PerSecond: 1000, Connections: 2, Path: "/x", Key: "k", Within: time.Minute}))
		var begun [1]byte
		_, err := io.ReadFull(output, begun[:])
		require.NoError(t, err)
		require.Eventually(t, func() bool { return a.requests.Load() > 5 }, time.Minute, time.Millisecond)
		require.NoError(t, input.Close())
		var result offered
		require.NoError(t, json.NewDecoder(output).Decode(&result))
		require.NoError(t, <-ended)
		assert.Equal(t, a.requests.Load(), result.sent())
	})
	t.Run("a load of which more than a tenth was not sent is not complete", func(t *testing.T) {
		t.Parallel()
		o := offer{PerSecond: 100}
		require.NoError(t, o.complete(offered{Unsent: 10, Took: time.Second}))
		var missing *missingError
		require.ErrorAs(t, o.complete(offered{Unsent: 11, Took: time.Second}), &missing)
	})
	t.Run("a load that nobody receives is an error", func(t *testing.T) {
		t.Parallel()
		_, err := offer{Address: "127.0.0.1:1", PerSecond: 1, Connections: 1, Path: "/x", Key: "k"}.run(t.Context(), func() {})
		require.Error(t, err)
		require.Error(t, offerTo(t.Context(), bytes.NewReader(nil), io.Discard))
	})
}
