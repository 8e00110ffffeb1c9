package fault_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// TestFaultStoppedPublisher pauses the leader, as a machine that hangs, and resumes it: the
// other replica takes over, and versions are delivered in order. That also holds if the
// paused one has the lock of the sequencer.
func TestFaultStoppedPublisher(t *testing.T) {
	t.Parallel()
	for _, failpoints := range []string{"", "SIGNALBOX_FAILPOINTS=inside-sequencer=stop@2"} {
		t.Run(failpoints, func(t *testing.T) {
			t.Parallel()
			stopPublisher(t, failpoints)
		})
	}
}

func stopPublisher(t *testing.T, failpoints string) {
	t.Helper()
	k := e2etest.NewKafka(harness.FakeKafka(t).ListenAddrs())
	databaseURL := e2etest.NewPostgres(t)
	environ := append(k.Environ(), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	first := e2etest.Serve(t, databaseURL, slices.Concat(environ, strings.Fields(failpoints))...)
	t.Cleanup(func() { _ = first.Cmd.Process.Signal(syscall.SIGCONT) })
	id := first.Admin(t).CreateID(t, "k", "0")
	first.Admin(t).AwaitPublished(t, 1) // so that it is the leader
	other := e2etest.Serve(t, databaseURL, environ...)
	revision := int64(1)
	update := func(c e2etest.Client, count int) {
		t.Helper()
		for range count {
			value := e2etest.Object{"value": strconv.FormatInt(revision, 10)}
			c.Put(t, fmt.Sprintf("/api/v1/config/%d", id), value).Want(t, http.StatusOK)
			revision++
		}
	}
	update(other.Admin(t), 19)
	if failpoints == "" {
		require.NoError(t, first.Cmd.Process.Signal(syscall.SIGSTOP))
	}
	require.Eventually(t, func() bool {
		if stopped(first) {
			return true
		}
		update(other.Admin(t), 1) // so that the first one gets the lock of the sequencer
		return false
	}, e2etest.Timeout, e2etest.PollInterval)
	began := time.Now()
	update(other.Admin(t), 40)
	other.Admin(t).AwaitPublished(t, revision)
	t.Logf("the other one publishes after %s", time.Since(began))
	elapse(time.Until(began.Add(harness.Scale(30*time.Second, 0))))
	require.NoError(t, first.Cmd.Process.Signal(syscall.SIGCONT))
	update(first.Admin(t), 20)
	first.Admin(t).AwaitPublished(t, revision)
	var last int64
	harness.Consume(t, k.Brokers, []string{k.Configurations}, func(records []*kgo.Record) bool {
		last = 0
		for _, r := range records {
			var m e2etest.Message
			require.NoError(t, json.Unmarshal(r.Value, &m))
			require.LessOrEqual(t, m.Data.Version, last+1)
			last = max(last, m.Data.Version)
		}
		return last == revision
	})
}
