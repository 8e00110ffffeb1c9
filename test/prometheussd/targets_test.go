package prometheussd_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/stretchr/testify/require"
)

// object is a JSON object.
type object = map[string]any

// server is a running service with an empty registry, and a key with write access.
type server struct{ url, key string }

// TestTargets registers instances of every kind and asserts the targets that Prometheus
// discovers. The product's test/e2e/client/prometheus_test.go runs it.
func TestTargets(t *testing.T) {
	t.Parallel()
	s := server{url: os.Getenv("SIGNALBOX_URL"), key: os.Getenv("SIGNALBOX_KEY")}
	if s.url == "" {
		t.Skip("left out, there is no SIGNALBOX_URL: this test is run by the product's test/e2e/client")
	}
	production := "/prometheus/sd?environment=production"
	require.Empty(t, s.discover(t, production).groups)
	require.Equal(t, "[]", s.raw(t, production), "empty is a list")

	for _, i := range instances() {
		s.call(t, http.MethodPost, "/api/v1/registry/register", i)
	}
	s.call(t, http.MethodPut, "/api/v1/registry/health",
		object{"service_name": "shop", "instance_id": "b", "status": "critical"})
	s.call(t, http.MethodPatch, "/api/v1/registry/shop/instances/c", object{"desired": "draining"})

	found := s.discover(t, production)
	require.Equal(t, []group{cart(), plain(), busy(), broken(), leaving(), six(), seven()}, found.groups)
	require.Equal(t, []string{
		"https://cart:443/metrics",
		"http://10.0.4.7:8080/metrics",
		"https://10.0.4.8:9100/internal/metrics",
		"http://shop-b.example:8080/metrics",
		"http://10.0.4.9:81/metrics",
		"http://[fd00::7]:7000/metrics",
		"http://[fd00::8]:80/metrics",
	}, found.urls, "what Prometheus would scrape")
	require.Equal(t, found, s.discover(t, production), "the order is stable")

	require.Equal(t, []group{plain(), busy(), six(), seven()}, s.discover(t, production+"&ready=true").groups)
	require.Equal(t, []group{cart()}, s.discover(t, production+"&service=cart").groups)
	require.Equal(t, []group{elsewhere()}, s.discover(t, "/prometheus/sd?environment=staging").groups)
	require.Equal(t, []group{cart(), plain(), busy(), broken(), leaving(), six(), seven(), elsewhere()},
		s.discover(t, "/prometheus/sd").groups, "all environments without a filter")
	require.Empty(t, s.discover(t, "/prometheus/sd?environment=development").groups)
	require.Equal(t, "[]", s.raw(t, production+"&service=nobody"))

	for _, name := range []string{"cart", "plain", "shop"} {
		s.call(t, http.MethodDelete, "/api/v1/registry/"+name+"?environment=*", nil)
	}
	require.Empty(t, s.discover(t, "/prometheus/sd").groups)
	require.Equal(t, "[]", s.raw(t, "/prometheus/sd"))
	require.Error(t, server{url: s.url, key: "sbx_wrong"}.discoveryError(t, production))
}

// instances returns the registrations, with values that are hard to write as labels.
func instances() []object {
	return []object{
		{"service_name": "shop", "instance_id": "e", "service_url": "http://[fd00::8]", "ttl_seconds": 3600},
		{
			"service_name": "shop", "instance_id": "d", "host": "fd00::7",
			"ports": object{"zz": 9000, "aa": 7000}, "weight": 65535,
		},
		{
			"service_name": "shop", "instance_id": "c", "service_url": "http://10.0.4.9:81/some/path?q=1",
			"metadata": object{"metrics_path": "", "metrics_scheme": 5},
		},
		{
			"service_name": "shop", "instance_id": "b", "host": "shop-b.example",
			"ports": object{"admin": 1, "http": 8080}, "weight": 0,
		},
		{
			"service_name": "shop", "instance_id": "a:1.2_x-y", "service_url": "http://10.0.4.8:8080",
			"ports": object{"metrics": 9100, "http": 8081}, "zone": "eu-1", "version": `2.4 "beta"`,
			"tags": []string{"b", "a b", "b", "x,y"},
			"metadata": object{
				"metrics_path": "/internal/metrics", "metrics_scheme": "https",
				"a-b": "first", "a.b": "second", "a_b": "last", "höhe über null": json.RawMessage("1.50"),
				"on": true, "none": nil, "text": "\"quoted\"\n\\ é", "empty": "", "7": "digit", "": "nameless",
				"deep": object{"list": []any{1, "x", false}, "amp": "<&>"},
			},
		},
		{"service_name": "shop", "instance_id": "a", "environment": "staging", "service_url": "http://10.1.0.1:8080"},
		{"service_name": "plain", "instance_id": "one", "service_url": "http://10.0.4.7:8080"},
		{"service_name": "cart", "service_url": "https://cart"},
	}
}

// group is a target group without the label that Prometheus' discovery adds.
type group struct {
	address string
	labels  model.LabelSet
}

const meta = "__meta_signalbox_"

// of returns the group of a minimal instance, with additional labels.
func of(service, id, address string, other model.LabelSet) group {
	return group{address: address, labels: model.LabelSet{
		meta + "service": model.LabelValue(service), meta + "instance_id": model.LabelValue(id),
		meta + "environment": "production", meta + "zone": "", meta + "version": "", meta + "status": "passing",
		meta + "weight": "100", meta + "tags": "",
	}.Merge(other)}
}

func cart() group {
	return of("cart", "default", "cart:443", model.LabelSet{meta + "status": "unknown", "__scheme__": "https"})
}

func plain() group { return of("plain", "one", "10.0.4.7:8080", nil) }

func busy() group {
	return of("shop", "a:1.2_x-y", "10.0.4.8:9100", model.LabelSet{
		meta + "zone": "eu-1", meta + "version": `2.4 "beta"`, meta + "tags": `,a b,b,x\,y,`,
		meta + "meta_metrics_path": "/internal/metrics", meta + "meta_metrics_scheme": "https",
		"__metrics_path__": "/internal/metrics", "__scheme__": "https",
		meta + "meta_a_b": "last", meta + "meta_h_he__ber_null": "1.50", meta + "meta_on": "true",
		meta + "meta_none": "null", meta + "meta_text": "\"quoted\"\n\\ é", meta + "meta_empty": "",
		meta + "meta_7": "digit", meta + "meta_": "nameless",
		meta + "meta_deep": `{"amp":"<&>","list":[1,"x",false]}`,
	})
}

func broken() group {
	return of("shop", "b", "shop-b.example:8080", model.LabelSet{meta + "status": "critical", meta + "weight": "0"})
}

// leaving is draining. Its metrics_path is empty, and its scheme is no string: neither is
// given.
func leaving() group {
	return of("shop", "c", "10.0.4.9:81", model.LabelSet{
		meta + "meta_metrics_path": "", meta + "meta_metrics_scheme": "5",
	})
}

func six() group { return of("shop", "d", "[fd00::7]:7000", model.LabelSet{meta + "weight": "65535"}) }

func seven() group { return of("shop", "e", "[fd00::8]:80", nil) }

func elsewhere() group {
	return of("shop", "a", "10.1.0.1:8080", model.LabelSet{meta + "environment": "staging"})
}

// simple checks that a group has one target, and returns the compared parts.
func simple(t *testing.T, url string, g *targetgroup.Group) group {
	t.Helper()
	require.Len(t, g.Targets, 1)
	require.Len(t, g.Targets[0], 1)
	labels := g.Labels.Clone()
	require.Equal(t, model.LabelValue(url), labels["__meta_url"])
	delete(labels, "__meta_url")
	return group{address: string(g.Targets[0][model.AddressLabel]), labels: labels}
}

// call sends a request that must succeed, and returns the response body.
func (s server) call(t *testing.T, method, path string, body any) []byte {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(text))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+s.key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Less(t, response.StatusCode, 300, "%s %s: %s", method, path, text)
	if method == http.MethodGet {
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Equal(t, "application/json", response.Header.Get("Content-Type"))
	}
	return text
}

// raw returns an unparsed response body.
func (s server) raw(t *testing.T, path string) string {
	t.Helper()
	return string(s.call(t, http.MethodGet, path, nil))
}
