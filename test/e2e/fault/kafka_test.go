package fault_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

const (
	// WritesPerSecond is the rate of writes while Kafka is unavailable.
	writesPerSecond = 200
	// DeliveryBound bounds the time until all of them are delivered after its return.
	deliveryBound = 30 * time.Second
)

// TestFaultKafkaAway stops Kafka under concurrent writes, and starts it again with its
// data. No write fails, and Kafka receives all changes soon after, in order.
func TestFaultKafkaAway(t *testing.T) {
	t.Parallel()
	lasts := harness.Scale(60*time.Second, 6*time.Second)
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			kept := kfake.DataDir(t.TempDir())
			first := harness.FakeKafka(t, kept)
			address := first.ListenAddrs()[0]
			k := e2etest.NewKafka([]string{address})
			databaseURL := store.New(t)
			p := e2etest.Serve(t, databaseURL, append(k.Environ(), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))...)
			c := p.Admin(t)
			shared := c.Create(t, "shared", "first")
			c.AwaitPublished(t, 1)

			ctx, stop := context.WithCancel(t.Context())
			v := &report{}
			var writing sync.WaitGroup
			const writers = 16
			for w := range writers {
				writing.Go(func() { writeSteadily(ctx, v, c, w, shared, writers*time.Second/writesPerSecond) })
			}
			elapse(time.Second)
			first.Close()
			elapse(lasts)
			h := c.Health(t)
			assert.Equal(t, "degraded", h.Status)
			assert.Equal(t, "unhealthy", h.Kafka)
			assert.Positive(t, h.Feed.Pending)
			assert.Greater(t, h.Feed.OldestAge, (lasts / 2).Seconds())
			stop()
			writing.Wait()
			v.requireNoFailures(t)

			_, port, err := net.SplitHostPort(address)
			require.NoError(t, err)
			number, err := strconv.Atoi(port)
			require.NoError(t, err)
			began := time.Now()
			harness.FakeKafka(t, kept, kfake.Ports(number))
			require.Eventually(t, func() bool {
				f := c.Health(t).Feed
				return f.Pending == 0 && f.Published == f.Revision
			}, deliveryBound, e2etest.PollInterval)
			took := time.Since(began)
			assert.Equal(t, "healthy", c.Health(t).Status)
			found := readSnapshot(t, databaseURL)
			found.requireComplete(t)
			require.Len(t, found.values, 1+v.responses)
			requirePublished(t, k, found)
			t.Logf("%d writes, none failed, p99 %s; all delivered %s after Kafka returned", v.responses, v.quantile(0.99), took)
		})
	}
}

// writeSteadily creates configurations and overwrites the shared one alternately, at an
// interval, until the context ends.
func writeSteadily(ctx context.Context, v *report, c e2etest.Client, writer int, shared e2etest.Configuration, pace time.Duration) {
	n := 0
	every(ctx, pace, func() {
		n++
		method, path, body := http.MethodPut, shared.Path(), any(e2etest.Object{"value": fmt.Sprint(writer, ".", n)})
		if n%4 != 0 {
			method, path = http.MethodPost, "/api/v1/config/"
			body = e2etest.Draft{Key: fmt.Sprint("k", writer, ".", n), Environment: "production", ServiceName: "shop"}
		}
		began := time.Now()
		a, err := c.Try(context.WithoutCancel(ctx), method, path, body)
		if err != nil || a.Status/100 != 2 {
			v.failf("a write got status %d: %v %s", a.Status, err, a.Body)
			return
		}
		v.record(time.Since(began))
	})
}
