package access_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// endsWithin is within which time a stream ends after its secret: two seconds, and some for
// a loaded machine.
const endsWithin = 5 * time.Second

// follow opens a stream and returns what it sends to its end, once it has ended.
func follow(t *testing.T, base, path, key string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), e2etest.Timeout)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	require.NoError(t, err)
	if key != "" {
		request.Header.Set("Authorization", "ApiKey "+key)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	lines := bufio.NewReader(response.Body)
	_, err = lines.ReadString('\n')
	require.NoError(t, err)
	ended := make(chan string, 1)
	go func() {
		rest, _ := io.ReadAll(lines)
		ended <- string(rest)
	}()
	return ended
}

func TestRotationEndsStreamsAndPasses(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store.New(t))
			client, id := w.key(t, e2etest.Object{"role": "reader"})
			stream := e2etest.Decode[struct {
				EventStreams []struct{ Endpoint struct{ RequestURI string } }
			}](t, client.Post(t, "/ofrep/v1/evaluate/flags", e2etest.Object{}).Want(t, http.StatusOK))
			pass := stream.EventStreams[0].Endpoint.RequestURI
			open := []<-chan string{
				follow(t, client.URL, "/api/v1/changes/stream", client.Key), follow(t, client.URL, pass, ""),
			}
			w.admin.Post(t, keysPath+id+"/rotate", e2etest.Object{"overlap_seconds": 0}).Want(t, http.StatusOK)
			for _, ended := range open {
				select {
				case text := <-ended:
					assert.Contains(t, text, `{"code":"api_key_invalid","reconnect":false,`)
				case <-time.After(endsWithin):
					t.Fatal("a stream of the former secret goes on")
				}
			}
			client.Key = ""
			a := client.Get(t, pass)
			assert.Equal(t, http.StatusUnauthorized, a.Status, "%s", a.Body)
		})
	}
}

func TestOverlapsAndBoundsOfKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2etest.NewSQLite(t))
	_, id := w.key(t, e2etest.Object{"role": "reader"})
	rotate := func(seconds int) e2etest.Response {
		return w.admin.Post(t, keysPath+id+"/rotate", e2etest.Object{"overlap_seconds": seconds})
	}
	rotate(60).Want(t, http.StatusOK)
	again := rotate(60).Want(t, http.StatusConflict)
	assert.Contains(t, string(again.Body), `"code":"rotation_overlaps"`)
	assert.Contains(t, string(again.Body), `"overlap_ends_at":"`)
	rotate(0).Want(t, http.StatusOK)

	made := e2etest.Decode[struct{ ID, Key string }](t, w.admin.Post(t, keysPath, e2etest.Object{
		"name": "day", "grants": []e2etest.Object{{"role": "admin"}}, "networks": []string{"127.0.0.0/8", "::1"},
		"expires_at": time.Now().Add(24 * time.Hour).Format(time.RFC3339),
	}).Want(t, http.StatusCreated))
	day := w.admin
	day.Key = made.Key
	for _, more := range []e2etest.Object{{}, {"networks": []string{"127.0.0.0/7"}}, {"networks": []string{"127.0.0.1"}, "expires_at": "never"}} {
		more["name"], more["grants"] = "more", []e2etest.Object{{"role": "reader"}}
		assert.Contains(t, string(day.Post(t, keysPath, more).Want(t, http.StatusForbidden).Body), `"code":"grant_exceeds_own"`)
	}
	day.Post(t, keysPath, e2etest.Object{
		"name": "less", "grants": []e2etest.Object{{"role": "reader"}}, "networks": []string{"127.0.0.1"},
	}).Want(t, http.StatusCreated)
	assert.Contains(t, string(day.Post(t, keysPath+id+"/rotate", e2etest.Object{}).Want(t, http.StatusForbidden).Body), `"exceeded":`)
	day.Delete(t, keysPath+made.ID).Want(t, http.StatusNoContent)

	first := e2etest.Decode[struct{ Keys []struct{ ID string } }](t, w.admin.Get(t, keysPath+"?limit=1").Want(t, http.StatusOK)).Keys[0].ID
	for _, change := range []e2etest.Object{
		{"expires_at": time.Now().Add(3 * time.Second).Format(time.RFC3339)},
		{"not_before": time.Now().Add(time.Minute).Format(time.RFC3339)},
	} {
		a := w.admin.Do(t, http.MethodPatch, keysPath+first, change).Want(t, http.StatusConflict)
		assert.Contains(t, string(a.Body), "last_admin_key")
	}
}

func TestEnvironmentsShareNoDetails(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store.New(t))
			shop := w.unique("shop")
			w.admin.Register(t, http.StatusCreated, e2etest.Object{
				"service_name": shop, "environment": foreign, "service_url": "http://shop:8080",
				"health_check_url": "http://shop:8080/health", "metadata": e2etest.Object{"owner": "payments"},
			})
			client, _ := w.key(t, grant("service", false))
			for _, more := range []e2etest.Object{
				{"service_url": "http://evil:8080"},
				{"service_url": "http://shop:8080", "health_check_url": "http://evil:8080"},
				{"service_url": "http://shop:8080", "metadata": e2etest.Object{"owner": "evil"}},
			} {
				more["service_name"], more["environment"] = shop, own
				a := client.Post(t, e2etest.RegistryPath+"register", more).Want(t, http.StatusForbidden)
				assert.Contains(t, string(a.Body), `"code":"shared_by_environments"`)
				assert.NotContains(t, string(a.Body), foreign)
			}
			answers := []e2etest.Response{
				client.Post(t, e2etest.RegistryPath+"register", e2etest.Object{
					"service_name": shop, "environment": own, "instance_id": "i", "service_url": "http://i:8080",
				}).Want(t, http.StatusCreated),
				client.Get(t, e2etest.RegistryPath+shop).Want(t, http.StatusOK),
				client.Get(t, e2etest.RegistryPath).Want(t, http.StatusOK),
				client.Get(t, e2etest.RegistryPath+"healthy"),
				client.Get(t, e2etest.DiscoveryPath+shop+"?environment="+own).Want(t, http.StatusOK),
				client.Put(t, e2etest.RegistryPath+"health", e2etest.Object{
					"service_name": shop, "instance_id": "i", "status": "healthy",
				}).Want(t, http.StatusOK),
				client.Delete(t, e2etest.RegistryPath+shop+"?environment=*").Want(t, http.StatusForbidden),
				client.Delete(t, e2etest.RegistryPath+shop+"/instances/i").Want(t, http.StatusNoContent),
			}
			for _, a := range answers {
				assert.False(t, strings.Contains(string(a.Body), "payments") || strings.Contains(string(a.Body), "shop:8080") ||
					strings.Contains(string(a.Body), foreign), "%s", a.Body)
			}
			same := client.Register(t, http.StatusCreated, e2etest.Object{
				"service_name": shop, "environment": own, "service_url": "http://shop:8080",
			})
			assert.Empty(t, same.URL, "what changes nothing is allowed, and shows nothing")
			assert.Empty(t, same.Metadata)
			shown := w.admin.Service(t, shop)
			assert.Equal(t, "http://shop:8080", shown.URL)
			assert.Equal(t, e2etest.Object{"owner": "payments"}, shown.Metadata)
		})
	}
}
