package registry_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a", "A9", "user-service", "a.b_c-d", strings.Repeat("x", 100)} {
		name, err := registry.ParseName(text)
		require.NoError(t, err, text)
		assert.Equal(t, text, name.String())
	}
	for _, text := range []string{
		"", "-a", ".a", "_a", "a b", "a/b", "ä", "a\x00", strings.Repeat("x", 101), "healthy", "health", "register",
		"heartbeats",
	} {
		_, err := registry.ParseName(text)
		require.ErrorIs(t, err, fault.ErrInvalid, text)
	}
}

func TestParseInstanceID(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a", "-", "10.0.0.1:8080", "A_b.c:d-e", strings.Repeat("x", 128)} {
		id, err := registry.ParseInstanceID(text)
		require.NoError(t, err, text)
		assert.Equal(t, text, id.String())
	}
	for _, text := range []string{"", "a b", "a/b", "ü", "a\n", strings.Repeat("x", 129)} {
		_, err := registry.ParseInstanceID(text)
		require.ErrorIs(t, err, fault.ErrInvalid, text)
	}
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"http://h", "https://h:1/a?b=c", "http://10.0.0.1:65535", "http://[::1]:80/", "http://my_host",
		"http://h/" + strings.Repeat("x", 246),
	} {
		u, err := registry.ParseURL("service_url", text)
		require.NoError(t, err, text)
		assert.Equal(t, text, u.String())
	}
	for _, text := range []string{
		"", "h", "//h", "ftp://h", "file:///etc/passwd", "http:h", "http://", "http://:80", "http://h:", "http://h:0",
		"http://h:65536", "http://u@h", "http://u:p@h", "http://h#f", "http://h/\n", "http://h/ a", "http://h\x7f",
		"http://h%00", "http://exa!mple", "http://h/" + strings.Repeat("x", 247),
	} {
		_, err := registry.ParseURL("service_url", text)
		require.ErrorIs(t, err, fault.ErrInvalid, "%q", text)
		assert.Equal(t, "service_url", fault.Of(err).Fields()[0].Name)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		address registry.Address
		host    string
		port    int
		base    string
	}{
		"a URL without a port":      {registry.Address{URL: *address(t, "http://h/a")}, "h", 80, "http://h/a"},
		"a URL over TLS":            {registry.Address{URL: *address(t, "https://h")}, "h", 443, "https://h"},
		"an IPv6 URL":               {registry.Address{URL: *address(t, "http://[::1]:81")}, "::1", 81, "http://[::1]:81"},
		"a host with ports":         {registry.Address{Host: "h", Ports: registry.Ports{"a": 1, "http": 2}}, "h", 2, "http://h:2"},
		"a host without http":       {registry.Address{Host: "h", Ports: registry.Ports{"b": 2, "a": 1}}, "h", 1, "http://h:1"},
		"an IPv6 host":              {registry.Address{Host: "::1", Ports: registry.Ports{"http": 8}}, "::1", 8, "http://[::1]:8"},
		"a host and a URL":          {registry.Address{Host: "g", URL: *address(t, "http://h:9")}, "g", 9, "http://h:9"},
		"nothing":                   {registry.Address{}, "", 0, ""},
		"ports beside a URL's port": {registry.Address{URL: *address(t, "http://h"), Ports: registry.Ports{"http": 7}}, "h", 7, "http://h"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.host, c.address.HostName())
			assert.Equal(t, c.port, c.address.Port("http"))
			assert.Equal(t, c.base, c.address.Base())
		})
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()

	t.Run("an object is stored in one form", func(t *testing.T) {
		t.Parallel()
		m, err := registry.ParseMetadata([]byte(` {"b": [1, null], "a": "<x>"} `))
		require.NoError(t, err)
		require.Equal(t, `{"a":"<x>","b":[1,null]}`, m.JSON()) //nolint:testifylint // the bytes are the promise
		assert.Equal(t, map[string]string{"a": "<x>", "b": "[1,null]"}, m.Members())
		empty, err := registry.ParseMetadata([]byte(`{}`))
		require.NoError(t, err)
		assert.Equal(t, registry.Metadata{}, empty)
		assert.Equal(t, "{}", empty.JSON())
	})

	t.Run("numbers are the same however they are written", func(t *testing.T) {
		t.Parallel()
		parse := func(text string) registry.Metadata {
			m, err := registry.ParseMetadata([]byte(text))
			require.NoError(t, err)
			return m
		}
		assert.True(t, parse(`{"a":[1e2]}`).Same(parse(`{"a":[100.0]}`)))
		assert.False(t, parse(`{"a":1}`).Same(parse(`{"a":"1"}`)))
		assert.False(t, parse(`{"a":1}`).Same(parse(`{"a":1,"b":1}`)))
	})

	for _, text := range []string{
		``, `null`, `[]`, `"a"`, `1`, `{`, `{} x`, `{"a":"\u0000"}`, `{"\u0000":1}`, `{"a":1e999}`, `{"a":` + strings.Repeat("1", 401) + `}`,
		`{"a":"` + strings.Repeat("x", 64<<10) + `"}`,
	} {
		_, err := registry.ParseMetadata([]byte(text))
		require.ErrorIs(t, err, fault.ErrInvalid, "%.20s", text)
		assert.Equal(t, "metadata", fault.Of(err).Fields()[0].Name)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	at := func(url string) registry.Definition {
		return registry.Definition{Address: registry.Address{URL: *address(t, url)}}
	}
	with := func(d registry.Definition, c health.Check) registry.Definition {
		d.Check = &c
		return d
	}
	pinged := at("http://h:8080/base")
	pinged.HealthCheck = *address(t, "https://other/up")
	ported := registry.Definition{Address: registry.Address{Host: "h", Ports: registry.Ports{"http": 1, "grpc": 2}}}
	for name, c := range map[string]struct {
		given registry.Definition
		want  string
	}{
		"a health check's URL":             {pinged, "https://other/up"},
		"a path at the address":            {with(at("http://h:8080/base"), health.Check{Kind: health.HTTP, Path: "/up?a=b"}), "http://h:8080/up?a=b"},
		"another port":                     {with(at("https://h/base"), health.Check{Kind: health.HTTP, Port: 9, Path: "/up"}), "https://h:9/up"},
		"a connection":                     {with(at("https://h"), health.Check{Kind: health.TCP}), "h:443"},
		"gRPC at its own port":             {with(ported, health.Check{Kind: health.GRPC}), "h:2"},
		"gRPC at a port that is named":     {with(ported, health.Check{Kind: health.GRPC, Port: 3}), "h:3"},
		"a check beside a health check":    {with(pinged, health.Check{Kind: health.HTTP}), "https://other/up"},
		"a path wins over a health check":  {with(pinged, health.Check{Kind: health.HTTP, Path: "/p"}), "http://h:8080/p"},
		"a host without a port, connected": {with(registry.Definition{Address: registry.Address{Host: "h"}}, health.Check{Kind: health.TCP}), ""},
		"nothing":                          {at("http://h"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := &registry.Instance{Definition: c.given}
			p, checked := i.Probe()
			require.Equal(t, c.want != "", checked)
			if checked {
				assert.Equal(t, c.want, p.URL+p.Address)
			}
		})
	}
}

func FuzzParseURL(f *testing.F) {
	for _, text := range []string{"http://h", "https://[::1]:8080/a?b#c", "http://u:p@h", "http://h:0", "HTTP://H"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := registry.ParseURL("url", text)
		if err != nil {
			return
		}
		again, err := registry.ParseURL("url", u.String())
		require.NoError(t, err)
		require.Equal(t, u, again)
		a := registry.Address{URL: u}
		require.NotEmpty(t, a.HostName())
		require.Positive(t, a.Port("http"))
	})
}

func FuzzParseMetadata(f *testing.F) {
	for _, text := range []string{`{}`, `{"a":[1e2,{"b":null}]}`, `{"a":"\u0000"}`, `{"a":1e400}`, `[]`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := registry.ParseMetadata(text)
		if err != nil {
			return
		}
		again, err := registry.ParseMetadata([]byte(m.JSON()))
		require.NoError(t, err)
		require.Equal(t, m, again)
		require.True(t, m.Same(again))
		require.LessOrEqual(t, len(m.JSON()), registry.MaxMetadataBytes)
	})
}
