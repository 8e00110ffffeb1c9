package fault_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// ledger has the writes that the service acknowledged.
type ledger struct {
	shared e2etest.Configuration
	// observed has the operations on the shared configuration; nil if they are not recorded.
	observed *observations

	mu           sync.Mutex
	acknowledged map[revision]string
	unknown      int
}

// writeUntil runs the writers, ends the service once it has acknowledged so many writes,
// and returns when every writer has failed.
func (l *ledger) writeUntil(t *testing.T, p *e2etest.Process, many int, name string, end func(testing.TB)) {
	t.Helper()
	enough := make(chan struct{}, 1)
	least := len(l.acknowledged) + many
	c := p.Admin(t)
	var writers sync.WaitGroup
	failures := make(chan error, killWriters)
	for w := range killWriters {
		writers.Go(func() {
			failures <- l.write(c, w, fmt.Sprintf("%s.writer-%d", name, w), func(so int) {
				if so >= least {
					trySend(enough)
				}
			})
		})
	}
	if l.observed != nil {
		for reader := range observers {
			writers.Go(func() { l.observed.read(c, killWriters+reader) })
		}
	}
	select {
	case <-enough:
	case <-p.Exited:
	case err := <-failures:
		require.NoError(t, err)
		p.AwaitExit(t)
	}
	end(t)
	writers.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
}

// write creates configurations and updates them and the shared one, until the service does
// not respond. A response other than a success is an error.
func (l *ledger) write(c e2etest.Client, writer int, name string, acknowledged func(n int)) error {
	for n := 0; ; n++ {
		value := fmt.Sprintf("%s.%d", name, n)
		made, err := l.acknowledge(c, http.MethodPost, "/api/v1/config/", e2etest.Draft{
			Key: value, Value: value, Environment: "production", ServiceName: "shop",
		}, acknowledged)
		if made == nil {
			return err
		}
		for _, path := range []string{made.Path(), l.shared.Path(), made.Path()} {
			value += "+"
			var seen func(*e2etest.Configuration)
			if path == l.shared.Path() && l.observed != nil {
				seen = l.observed.wrote(writer, value)
			}
			changed, err := l.acknowledge(c, http.MethodPut, path, map[string]any{"value": value}, acknowledged)
			if seen != nil && err == nil {
				seen(changed)
			}
			if changed == nil {
				return err
			}
		}
	}
}

// acknowledge makes one write and records its outcome. The result is nil without a response
// or with one other than a success.
func (l *ledger) acknowledge(
	c e2etest.Client, method, path string, body any, acknowledged func(int),
) (*e2etest.Configuration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), e2etest.Timeout)
	defer cancel()
	a, err := c.Try(ctx, method, path, body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.unknown++
		return nil, nil
	}
	if a.Status != http.StatusOK && a.Status != http.StatusCreated {
		return nil, fmt.Errorf("%s %s: status %d: %s", method, path, a.Status, a.Body)
	}
	changed, err := e2etest.Parse[e2etest.Configuration](a)
	if err != nil {
		return nil, err
	}
	l.acknowledged[revision{changed.ID, changed.Version}] = changed.ShownValue()
	acknowledged(len(l.acknowledged))
	return &changed, nil
}

func trySend(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// requireKept checks that every acknowledged write is stored.
func (l *ledger) requireKept(t *testing.T, s snapshot) {
	t.Helper()
	for r, value := range l.acknowledged {
		found, ok := s.values[r]
		require.True(t, ok, "configuration %d version %d was acknowledged and is not stored", r.id, r.version)
		require.Equal(t, value, found)
	}
}
