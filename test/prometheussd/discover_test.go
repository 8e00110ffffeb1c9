package prometheussd_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/http"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
	"github.com/stretchr/testify/require"
)

const manual = "../../docs/registry.md"

// patience bounds what a test waits for.
const patience = 20 * time.Second

// found is what Prometheus discovered, and where it would scrape that.
type found struct {
	groups []group
	urls   []string
}

// discover runs Prometheus' discovery, as the manual configures it, for a path.
func (s server) discover(t *testing.T, path string) found {
	t.Helper()
	job, sd := s.job(t, path)
	discovered, err := refresh(t, sd)
	require.NoError(t, err)
	var all found
	for _, g := range discovered {
		all.groups = append(all.groups, simple(t, s.url+path, g))
		targets, failures := scrape.TargetsFromGroup(g, job, nil, labels.NewBuilder(labels.EmptyLabels()))
		require.Empty(t, failures)
		require.Len(t, targets, 1)
		all.urls = append(all.urls, targets[0].URL().String())
	}
	return all
}

// refusal returns why discovery fails.
func (s server) refusal(t *testing.T, path string) error {
	t.Helper()
	_, sd := s.job(t, path)
	_, err := refresh(t, sd)
	return err
}

// job returns the scrape configuration of the manual, for this server, a path and
// a key in a file, as Prometheus itself reads it.
func (s server) job(t *testing.T, path string) (*config.ScrapeConfig, *http.SDConfig) {
	t.Helper()
	key := filepath.Join(t.TempDir(), "signalbox.key")
	require.NoError(t, os.WriteFile(key, []byte(s.key+"\n"), 0o600))
	text := written(t)
	for _, r := range []struct{ from, to string }{
		{"http://signalbox:8082/prometheus/sd?environment=production", s.url + path},
		{"/etc/prometheus/signalbox.key", key},
	} {
		require.Equal(t, 1, strings.Count(text, r.from), "%s names %s once", manual, r.from)
		text = strings.Replace(text, r.from, r.to, 1)
	}
	read, err := config.Load(text, promslog.NewNopLogger())
	require.NoError(t, err)
	jobs, err := read.GetScrapeConfigs()
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	require.Len(t, jobs[0].ServiceDiscoveryConfigs, 1)
	sd, ok := jobs[0].ServiceDiscoveryConfigs[0].(*http.SDConfig)
	require.True(t, ok)
	require.NotNil(t, sd.HTTPClientConfig.Authorization)
	return jobs[0], sd
}

// written returns the configuration that the manual shows.
func written(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(manual)
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "```yaml\nscrape_configs:")
	require.True(t, ok, "%s shows a scrape configuration", manual)
	block, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)
	return "scrape_configs:" + block
}

// refresh runs the discoverer until it has told for the first time, or would have.
func refresh(t *testing.T, sd *http.SDConfig) ([]*targetgroup.Group, error) {
	t.Helper()
	registry := prometheus.NewRegistry()
	metrics := sd.NewDiscovererMetrics(registry, discovery.NewRefreshMetrics(registry))
	made, err := sd.NewDiscoverer(discovery.DiscovererOptions{Metrics: metrics, SetName: "services"})
	require.NoError(t, err)
	discoverer, ok := made.(*http.Discovery)
	require.True(t, ok)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := discoverer.Refresh(ctx); err != nil {
		return nil, err
	}
	told, ended := make(chan []*targetgroup.Group), make(chan struct{})
	go func() {
		defer close(ended)
		discoverer.Run(ctx, told)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	select {
	case groups := <-told:
		return groups, nil
	case <-ctx.Done():
		return nil, errors.New("discovery tells nothing")
	}
}
