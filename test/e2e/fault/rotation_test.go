package fault_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// rotationPlaces are the failpoints at which a command is killed, in an order in which each
// finds work that the commands before have left.
func rotationPlaces() []struct{ command, place string } {
	const rotate, retire = "rotate", "retire 0123456789abcdef"
	return []struct{ command, place string }{
		{rotate, "rings-compared=kill@1"},
		{rotate, "rotation-begun=kill@1"},
		{rotate, "batch-read=kill@1"},
		{rotate, "token-verified=kill@1"},
		{rotate, "token-decrypted=kill@7"},
		{rotate, "token-encrypted=kill@7"},
		{rotate, "token-bound=kill@7"},
		{rotate, "batch-encrypted=kill@1"},
		{rotate, "replaced-current=kill@1"},
		{rotate, "replaced-deleted=kill@1"},
		{rotate, "replaced-old=kill@1"},
		{rotate, "batch-replaced=kill@2"},
		{rotate, "replaced-new=kill@1"},
		{rotate, "rotation-paused=kill@1"},
		{rotate, "rotation-counted=kill@1"},
		{rotate, "binding-enforced=kill@1"},
		{rotate, "rotation-walked=kill@1"},
		{rotate, "rotation-noted=kill@1"},
		{retire, "retirement-counted=kill@1"},
		{retire, "key-forgotten=kill@1"},
	}
}

// The values that rotations find: configurations with versions, some of which are deleted.
const (
	rotatedValues   = 25
	rotatedVersions = 20
	deletedValues   = 5
)

func rotatedKey(n int) string           { return fmt.Sprintf("kept.%d", n) }
func rotatedText(n, version int) string { return fmt.Sprintf("value %d of %d", version, n) }

// rotation is a service with encrypted values, of which half have no MAC.
type rotation struct {
	databaseURL string
	keys        [2]string
	admin       e2etest.Client
	// stop stops the service.
	stop func()
}

func (r *rotation) setting(first int) []string {
	return []string{"ENABLE_ENCRYPTION=true", "ENCRYPTION_KEYS=" + r.keys[first] + "," + r.keys[1-first]}
}

func newRotation(t *testing.T, databaseURL string) *rotation {
	t.Helper()
	r := &rotation{databaseURL: databaseURL}
	for i := range r.keys {
		key, err := fernetcipher.GenerateKey()
		require.NoError(t, err)
		r.keys[i] = key.Reveal()
	}
	s, stop := e2etest.Run(t, databaseURL, r.setting(0)...)
	r.admin, r.stop = s.Admin(t), stop
	for n := range rotatedValues + deletedValues {
		made := r.admin.CreateDraft(t, e2etest.Draft{
			Key: rotatedKey(n), Value: rotatedText(n, 1), Environment: "production", ServiceName: "shop", IsEncrypted: true,
		})
		for version := 2; version <= rotatedVersions; version++ {
			r.admin.Put(t, made.Path(), e2etest.Object{"value": rotatedText(n, version)}).Want(t, http.StatusOK)
		}
		if n >= rotatedValues {
			r.admin.Delete(t, made.Path()).Want(t, http.StatusNoContent)
		}
	}
	db := e2etest.OpenDatabase(t, databaseURL)
	for _, statement := range []string{
		"UPDATE configurations SET token_key = NULL, token_mac = NULL WHERE id % 2 = 0",
		"UPDATE deleted_configurations SET token_key = NULL, token_mac = NULL WHERE id % 2 = 0",
		"UPDATE configuration_history SET old_token_key = NULL, old_token_mac = NULL WHERE configuration_id % 2 = 0",
		"UPDATE configuration_history SET new_token_key = NULL, new_token_mac = NULL WHERE configuration_id % 2 = 0",
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	return r
}

// requireReadable reads every value, and versions of it.
func (r *rotation) requireReadable(t *testing.T, c e2etest.Client) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for n := range rotatedValues {
		for version := 0; version <= rotatedVersions; version += harness.Scale(1, 4) {
			path, want := e2etest.ReadPath(rotatedKey(n)), rotatedText(n, rotatedVersions)
			if version > 0 {
				path, want = path+fmt.Sprintf("&version=%d", version), rotatedText(n, version)
			}
			group.Go(func() error {
				a, err := c.Try(t.Context(), http.MethodGet, path, nil)
				if err == nil && (a.Status != http.StatusOK || !strings.Contains(string(a.Body), want)) {
					err = fmt.Errorf("%s is %d %s, not %q", path, a.Status, a.Body, want)
				}
				return err
			})
		}
	}
	require.NoError(t, group.Wait())
}

// trafficPerRound is how many writes there are beside each command.
const trafficPerRound = 60

// traffic writes and reads values of its own until it is stopped, and returns how many of
// each there were. Each call of more admits further ones.
func (r *rotation) traffic(t *testing.T) (more func(), stop func() (writes, reads int64)) {
	t.Helper()
	budget := make(chan struct{}, trafficPerRound)
	more = func() {
		for range trafficPerRound {
			select {
			case budget <- struct{}{}:
			default:
			}
		}
	}
	var writes, reads atomic.Int64
	var done sync.WaitGroup
	for n := range 3 {
		made := r.admin.CreateDraft(t, e2etest.Draft{
			Key: fmt.Sprintf("busy.%d", n), Value: "0", Environment: "production", ServiceName: "shop", IsEncrypted: true,
		})
		done.Go(func() {
			last := "0"
			i := 0
			for range budget {
				i++
				body := e2etest.Object{"description": strconv.Itoa(i)}
				if i%5 > 0 {
					last = fmt.Sprint("value ", i)
					body = e2etest.Object{"value": last}
				}
				a, err := r.admin.Try(t.Context(), http.MethodPut, made.Path(), body)
				if err != nil || a.Status != http.StatusOK {
					t.Errorf("a write is %d %s: %v", a.Status, a.Body, err)
					return
				}
				writes.Add(1)
				a, err = r.admin.Try(t.Context(), http.MethodGet, e2etest.ReadPath(fmt.Sprintf("busy.%d", n)), nil)
				if err != nil || !strings.Contains(string(a.Body), `"`+last+`"`) {
					t.Errorf("a read is %d %s, not %q: %v", a.Status, a.Body, last, err)
					return
				}
				reads.Add(1)
			}
		})
	}
	return more, func() (int64, int64) {
		close(budget)
		done.Wait()
		return writes.Load(), reads.Load()
	}
}

// TestFaultRotation kills rotations and retirements of encryption keys at failpoints, beside
// writes and reads. Each version of each value can be read after each of them, and a further
// rotation ends what was begun.
func TestFaultRotation(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			r := newRotation(t, store.New(t))
			defer func() { r.stop() }()
			environ := append([]string{"DATABASE_URL=" + r.databaseURL}, r.setting(1)...)
			command := func(command string, settings ...string) *e2etest.Process {
				args := append([]string{"encryption"}, strings.Fields(command)...)
				return e2etest.Start(t, args, append(settings, environ...)...)
			}
			more, stop := r.traffic(t)
			for _, p := range rotationPlaces() {
				more()
				killed := command(p.command, "SIGNALBOX_FAILPOINTS="+p.place)
				require.Equal(t, -1, killed.AwaitExit(t), "%s at %s: %s %s", p.command, p.place, killed.Out, killed.Log)
				r.requireReadable(t, r.admin)
			}
			writes, reads := stop()
			last := command("rotate")
			require.Zero(t, last.AwaitExit(t), "%s", last.Log)
			assert.Contains(t, last.Out.String(), ", 0 unreadable\n", "and none is tampered")
			status := command("status")
			require.Zero(t, status.AwaitExit(t), "%s", status.Log)
			assert.NotContains(t, status.Out.String(), "without a MAC")

			r.stop()
			r.stop = func() {}
			only := e2etest.Boot(t, r.databaseURL, "ENABLE_ENCRYPTION=true", "ENCRYPTION_KEY="+r.keys[1])
			r.requireReadable(t, only.Admin(t))
			t.Logf("%d commands killed, %d writes and %d reads beside them, %s", len(rotationPlaces()), writes, reads, last.Out)
		})
	}
}
