package health_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// wrong returns the places that an error names.
func wrong(err error) []string {
	var places []string
	if err != nil {
		for _, f := range fault.Of(err).Fields() {
			places = append(places, f.Name)
		}
	}
	return places
}

func TestParseCheck(t *testing.T) {
	t.Parallel()

	t.Run("fields that are not set take the defaults", func(t *testing.T) {
		t.Parallel()
		c, err := health.ParseCheck(health.Spec{Type: "http"})
		require.NoError(t, err)
		assert.True(t, c.Same(health.Standard()))
		c, err = health.ParseCheck(health.Spec{Type: "tcp", IntervalSeconds: new(1)})
		require.NoError(t, err)
		assert.Equal(t, 500*time.Millisecond, c.Timeout, "half of a short interval")
		assert.Empty(t, c.Method)
		assert.Empty(t, c.Expect)
	})

	t.Run("names of headers are written as they are listed", func(t *testing.T) {
		t.Parallel()
		c, err := health.ParseCheck(health.Spec{Type: "http", Headers: map[string]string{"x-health-check": "a b"}})
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"X-Health-Check": "a b"}, c.Headers)
	})

	t.Run("a timeout is at most ten seconds, and a longer one that was stored becomes that", func(t *testing.T) {
		t.Parallel()
		longest := health.Spec{Type: "tcp", IntervalSeconds: new(60), TimeoutMS: new(10_000)}
		c, err := health.ParseCheck(longest)
		require.NoError(t, err)
		assert.Equal(t, health.MaxTimeout, c.Timeout)
		for _, ms := range []int{10_001, 59_999} {
			spec := health.Spec{Type: "tcp", IntervalSeconds: new(60), TimeoutMS: new(ms)}
			_, err := health.ParseCheck(spec)
			assert.Equal(t, []string{"/timeout_ms"}, wrong(err))
			c, err := health.RestoreCheck(spec)
			require.NoError(t, err)
			assert.Equal(t, health.MaxTimeout, c.Timeout)
			assert.Equal(t, ms, *spec.TimeoutMS, "fields that are set stay as they are")
		}
		_, err = health.RestoreCheck(health.Spec{Type: "tcp", IntervalSeconds: new(1), TimeoutMS: new(1_000)})
		assert.Equal(t, []string{"/timeout_ms"}, wrong(err))
	})

	for place, specs := range map[string][]health.Spec{
		"/type": {{}, {Type: "script"}, {Type: "HTTP"}},
		"/path": {
			{Type: "http", Path: "up"},
			{Type: "http", Path: "//host/up"},
			{Type: "http", Path: "/a b"},
			{Type: "http", Path: "/a#b"},
			{Type: "http", Path: "/\x7f"},
			{Type: "http", Path: "/" + strings.Repeat("x", 1024)},
			{Type: "tcp", Path: "/up"},
		},
		"/port":   {{Type: "tcp", Port: -1}, {Type: "tcp", Port: 65_536}},
		"/method": {{Type: "http", Method: "POST"}, {Type: "http", Method: "HEAD", BodyContains: "ok"}, {Type: "grpc", Method: "GET"}},
		"/expected_status/0": {
			{Type: "http", ExpectedStatus: []string{"99"}},
			{Type: "http", ExpectedStatus: []string{"600"}},
			{Type: "http", ExpectedStatus: []string{"299-200"}},
			{Type: "http", ExpectedStatus: []string{"+20"}},
			{Type: "http", ExpectedStatus: []string{"200-299-300"}},
		},
		"/expected_status":  {{Type: "http", ExpectedStatus: make([]string, 17)}, {Type: "tcp", ExpectedStatus: []string{"200"}}},
		"/headers":          {{Type: "http", Headers: map[string]string{"Authorization": "x"}}, {Type: "grpc", Headers: map[string]string{"Accept": "x"}}},
		"/headers/Accept":   {{Type: "http", Headers: map[string]string{"Accept": "a\r\nHost: b"}}},
		"/body_contains":    {{Type: "tcp", BodyContains: "x"}, {Type: "http", BodyContains: strings.Repeat("x", 1025)}},
		"/service":          {{Type: "http", Service: "x"}},
		"/interval_seconds": {{Type: "tcp", IntervalSeconds: new(0)}, {Type: "tcp", IntervalSeconds: new(3601)}},
		"/timeout_ms":       {{Type: "tcp", TimeoutMS: new(0)}, {Type: "tcp", IntervalSeconds: new(1), TimeoutMS: new(1000)}},
	} {
		for _, spec := range specs {
			_, err := health.ParseCheck(spec)
			assert.Equal(t, []string{place}, wrong(err), "%+v", spec)
		}
	}

	t.Run("all that is wrong is named at once", func(t *testing.T) {
		t.Parallel()
		_, err := health.ParseCheck(health.Spec{Type: "http", Path: "x", Port: -1, Method: "PUT", Service: "s", TimeoutMS: new(0)})
		assert.ElementsMatch(t, []string{"/path", "/port", "/method", "/service", "/timeout_ms"}, wrong(err))
	})
}

func TestCheckIsWrittenAsItIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		spec := health.Spec{
			Type:            rapid.SampledFrom([]string{"http", "tcp", "grpc"}).Draw(t, "type"),
			Port:            rapid.IntRange(0, 65_535).Draw(t, "port"),
			IntervalSeconds: new(rapid.IntRange(1, 3600).Draw(t, "interval")),
		}
		if spec.Type == "http" {
			spec.Path = rapid.SampledFrom([]string{"", "/", "/up?deep=1"}).Draw(t, "path")
			spec.ExpectedStatus = rapid.SliceOfN(rapid.SampledFrom([]string{"204", "200-299"}), 0, 3).Draw(t, "expected")
		}
		c, err := health.ParseCheck(spec)
		require.NoError(t, err)
		again, err := health.ParseCheck(c.Spec())
		require.NoError(t, err)
		require.True(t, c.Same(again))
		other := c
		other.Timeout++
		require.False(t, c.Same(other))
	})
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]health.Status{
		"healthy": health.Passing, "unhealthy": health.Critical, "unknown": health.Unknown, "passing": health.Passing,
		"warning": health.Warning, "critical": health.Critical,
	} {
		got, err := health.Parse(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, s := range health.Statuses() {
		got, err := health.Parse(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, got)
	}
	for _, text := range []string{"", "Healthy", "ok"} {
		_, err := health.Parse(text)
		assert.Equal(t, []string{"status"}, wrong(err))
	}
	seen := map[string]bool{}
	for _, c := range health.Classes() {
		seen[c.String()] = true
	}
	assert.Len(t, seen, len(health.Classes()))
	assert.NotContains(t, seen, health.Class(0).String())
}
