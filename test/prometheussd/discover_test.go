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

// manual is the document with the scrape configuration.
const manual = "../../docs/registry.md"

// timeout limits the wait for discovered targets.
const timeout = 20 * time.Second

// found contains the discovered target groups and the URLs to scrape.
type found struct {
	groups []group
	urls   []string
}

// discover runs Prometheus' discovery for a path, as configured in the manual.
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

// discoveryError returns the error of a failed discovery.
func (s server) discoveryError(t *testing.T, path string) error {
	t.Helper()
	_, sd := s.job(t, path)
	_, err := refresh(t, sd)
	return err
}

// job returns the scrape configuration of the manual for this server, a path and a
// key file, as parsed by Prometheus.
func (s server) job(t *testing.T, path string) (*config.ScrapeConfig, *http.SDConfig) {
	t.Helper()
	key := filepath.Join(t.TempDir(), "signalbox.key")
	require.NoError(t, os.WriteFile(key, []byte(s.key+"\n"), 0o600))
	text := documented(t)
	for _, r := range []struct{ from, to string }{
		{"http://signalbox:8082/prometheus/sd?environment=production", s.url + path},
		{"/etc/prometheus/signalbox.key", key},
	} {
		require.Equal(t, 1, strings.Count(text, r.from), "%s contains %s once", manual, r.from)
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

// documented returns the scrape configuration in the manual.
func documented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(manual)
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "```yaml\nscrape_configs:")
	require.True(t, ok, "%s contains a scrape configuration", manual)
	block, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)
	return "scrape_configs:" + block
}

// refresh returns the first groups that the discoverer sends, or its error.
func refresh(t *testing.T, sd *http.SDConfig) ([]*targetgroup.Group, error) {
	t.Helper()
	registry := prometheus.NewRegistry()
	metrics := sd.NewDiscovererMetrics(registry, discovery.NewRefreshMetrics(registry))
	created, err := sd.NewDiscoverer(discovery.DiscovererOptions{Metrics: metrics, SetName: "services"})
	require.NoError(t, err)
	discoverer, ok := created.(*http.Discovery)
	require.True(t, ok)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if _, err := discoverer.Refresh(ctx); err != nil {
		return nil, err
	}
	sent, ended := make(chan []*targetgroup.Group), make(chan struct{})
	go func() {
		defer close(ended)
		discoverer.Run(ctx, sent)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	select {
	case groups := <-sent:
		return groups, nil
	case <-ctx.Done():
		return nil, errors.New("discovery sent no target groups")
	}
}
