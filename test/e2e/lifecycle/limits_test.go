package lifecycle_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

const listing = "/api/v1/config/"

// TestNoisyKey has a key send more than it may, while another one sends what it may.
func TestNoisyKey(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			s := e2etest.Boot(t, store.New(t), "RATE_LIMIT_KEY_PER_SECOND=20", "RATE_LIMIT_KEY_BURST=40")
			noisy, quiet := s.Reader(t), s.Reader(t)
			var senders sync.WaitGroup
			var mu sync.Mutex
			statuses := map[int]int{}
			for range 4 {
				senders.Go(func() {
					for range 100 {
						a := noisy.Get(t, listing)
						mu.Lock()
						statuses[a.Status]++
						mu.Unlock()
						if a.Status == http.StatusTooManyRequests {
							a.Problem(t, http.StatusTooManyRequests, "rate_limited")
							wait, err := strconv.Atoi(a.Header.Get("Retry-After"))
							assert.True(t, err == nil && wait > 0, "Retry-After: %v", a.Header)
							assert.Equal(t, `"key";q=40;w=2`, a.Header.Get("RateLimit-Policy"))
							assert.Contains(t, a.Header.Get("RateLimit"), `"key";r=0;t=`)
						}
					}
				})
			}
			for n := range 30 {
				a := quiet.Get(t, listing).Want(t, http.StatusOK)
				require.Contains(t, a.Header.Get("RateLimit"), `"key";r=`, n)
			}
			senders.Wait()
			require.GreaterOrEqual(t, statuses[http.StatusOK], 40)
			require.Positive(t, statuses[http.StatusTooManyRequests])
			require.Equal(t, 400, statuses[http.StatusOK]+statuses[http.StatusTooManyRequests], "%v", statuses)
		})
	}
}

// TestSharedLimit divides a limit among the replicas on one database.
func TestSharedLimit(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	e2etest.Boot(t, databaseURL, "RATE_LIMIT_KEY_PER_SECOND=1000")
	other := e2etest.Boot(t, databaseURL, "RATE_LIMIT_KEY_PER_SECOND=1000").Admin(t)
	require.Eventually(t, func() bool {
		a := other.Get(t, listing).Want(t, http.StatusOK)
		return a.Header.Get("RateLimit-Policy") == `"key";q=500;w=1`
	}, e2etest.Timeout, e2etest.PollInterval)
}

// TestWrongKeys sends wrong keys from the address of a right one.
func TestWrongKeys(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			s := e2etest.Boot(t, store.New(t))
			used, fresh := s.Reader(t), s.Reader(t)
			used.Get(t, listing).Want(t, http.StatusOK)
			_, id, _ := strings.Cut(fresh.Key, "_")
			id = id[:access.KeyIDLength]
			refused := 0
			for n := range 200 {
				wrong := e2etest.Client{URL: s.URL, Key: wrongKey(t, fmt.Sprintf("wrong%03d", n))}
				if n%2 == 1 {
					wrong.Key = wrongKey(t, id)
				}
				a := wrong.Get(t, listing)
				if a.Status == http.StatusTooManyRequests {
					a.Problem(t, http.StatusTooManyRequests, "rate_limited")
					require.NotEmpty(t, a.Header.Get("Retry-After"))
					refused++
				} else {
					a.Problem(t, http.StatusUnauthorized, "api_key_invalid")
				}
				used.Get(t, listing).Want(t, http.StatusOK)
			}
			require.GreaterOrEqual(t, refused, 130, "60 and those of a few seconds are answered")
			fresh.Get(t, listing).Want(t, http.StatusOK)
			s.Reader(t).Get(t, listing).Want(t, http.StatusOK)
		})
	}
}

// wrongKey returns a key of an id with a secret that nobody has.
func wrongKey(tb testing.TB, id string) string {
	tb.Helper()
	token, err := access.NewToken(id, strings.Repeat("x", access.SecretLength))
	require.NoError(tb, err)
	return token.Text().Reveal()
}
