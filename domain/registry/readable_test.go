package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Accepted input must be readable again, so that it is validated as it is stored.

func TestAddressWithAZone(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"fe80::1%eth0", "fe80::1%25eth0", "10.0.0.1%eth0", "h%"} {
		r := lease(t, "a")
		r.URL, r.Host, r.Ports = nil, new(host), registry.Ports{"http": 8080}
		err := r.Validate()
		require.ErrorIs(t, err, fault.ErrInvalid, host)
		assert.Equal(t, "host", fault.Of(err).Fields()[0].Name)
		assert.Contains(t, fault.Of(err).Fields()[0].Message, "zone")
		_, err = registry.New(shop(t)).Register(r, stamp())
		require.ErrorIs(t, err, fault.ErrInvalid, host)
	}
	for _, text := range []string{"http://[fe80::1%25eth0]:8080", "http://[fe80::1%25]:1"} {
		_, err := registry.ParseURL("health_check_url", text)
		require.ErrorIs(t, err, fault.ErrInvalid, text)
		assert.Equal(t, "health_check_url", fault.Of(err).Fields()[0].Name)
	}
	_, err := registry.ParseURL("service_url", "http://h/\xff")
	require.ErrorIs(t, err, fault.ErrInvalid, "a URL is a string")
}

func TestURLOfHostAndPortIsReadAgain(t *testing.T) {
	t.Parallel()
	for length, ok := range map[int]bool{242: true, 243: false, 253: false} {
		r := lease(t, "a")
		r.URL, r.Host, r.Ports = nil, new(strings.Repeat("h", length)), registry.Ports{"http": 65_535}
		s := registry.New(shop(t))
		_, err := s.Register(r, stamp())
		require.Equal(t, ok, err == nil, "%d: %v", length, err)
		if ok {
			_, err = registry.ParseURL("url", s.State().URL.String())
			require.NoError(t, err)
			continue
		}
		assert.Equal(t, "host", fault.Of(err).Fields()[0].Name)
		r.URL = address(t, "http://h")
		require.NoError(t, r.Validate(), "the URL is given")
	}
}

func TestMetadataAreMeasuredAsTheyAreKept(t *testing.T) {
	t.Parallel()

	t.Run("space between fields does not count", func(t *testing.T) {
		t.Parallel()
		var members []string
		for n := range 6_400 {
			members = append(members, fmt.Sprintf(`"m%04d":1`, n))
		}
		tight := "{" + strings.Join(members, ",") + "}"
		m, err := registry.ParseMetadata([]byte(tight))
		require.NoError(t, err)
		wide := strings.ReplaceAll(strings.ReplaceAll(m.JSON(), ",", ", "), ":", ": ")
		require.Greater(t, len(wide), registry.MaxMetadataBytes)
		again, err := registry.ParseMetadata([]byte(wide))
		require.NoError(t, err)
		assert.Equal(t, m, again)
	})

	t.Run("escapes do not count", func(t *testing.T) {
		t.Parallel()
		m, err := registry.ParseMetadata([]byte(`{"a":"` + strings.Repeat("<", 60_000) + `"}`))
		require.NoError(t, err)
		again, err := registry.ParseMetadata([]byte(strings.ReplaceAll(m.JSON(), "<", `\u003c`)))
		require.NoError(t, err)
		assert.Equal(t, m, again)
	})

	t.Run("numbers count with all their digits", func(t *testing.T) {
		t.Parallel()
		_, err := registry.ParseMetadata([]byte(`{"a":[` + strings.Repeat("1e300,", 300) + `1]}`))
		require.ErrorIs(t, err, fault.ErrInvalid)
	})

	for given, want := range map[string]string{
		"1e2": "100", "1E+2": "100", "1.5e1": "15", "1.50e1": "15.0", "-0": "0", "-0.0": "0.0", "0e5": "0", "0e999999999": "0",
		"1e-3": "0.001", "12.5e-1": "1.25", "-12e-1": "-1.2", "1.0": "1.0", "100e-2": "1.00",
		"5e-324":                 "0." + strings.Repeat("0", 323) + "5",
		"12345678901234567890.5": "12345678901234567890.5",
	} {
		m, err := registry.ParseMetadata([]byte(`{"n":` + given + `}`))
		require.NoError(t, err, given)
		assert.Equal(t, `{"n":`+want+`}`, m.JSON(), given)
	}
	for _, number := range []string{
		"1e400", "1e-400", "1e-999999999999999999999", "1e309", "1." + strings.Repeat("1", 390) + "e-300", strings.Repeat("1", 401),
	} {
		_, err := registry.ParseMetadata([]byte(`{"n":` + number + `}`))
		require.ErrorIs(t, err, fault.ErrInvalid, number)
	}
}
