package main

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShownPercent(t *testing.T) {
	t.Parallel()
	percent, err := shownPercent([]byte("Type: cpu\nShowing nodes accounting for 0.18s, 12.68% of 1.42s total\n      flat"))
	require.NoError(t, err)
	require.InDelta(t, 12.68, percent, 0)
	for _, text := range []string{"Showing nodes accounting for 0, 0% of 1420ms total", "no such focus", ""} {
		_, err = shownPercent([]byte(text))
		require.Error(t, err, text)
	}
}

// TestGuards names functions as profiles do.
func TestGuards(t *testing.T) {
	t.Parallel()
	const module = "github.com/signalbox-hq/signalbox/"
	expression := regexp.MustCompile(guards())
	for _, name := range []string{
		"domain/access.Caller.Require", "application/accessapp.(*Service).Authenticate",
		"adapters/ginapi/rest/limit.(*Buckets[go.shape.string]).Take", "adapters/ginapi/rest.(*Router).authenticate",
		"adapters/ginapi/rest.(*Router).admit",
	} {
		require.True(t, expression.MatchString(module+name), name)
	}
	for _, name := range []string{
		"adapters/ginapi/rest.(*Router).run", "adapters/ginapi/configapi.(*API).read", "domain/accessory.X",
		"application/configapp.(*Service).Read",
	} {
		require.False(t, expression.MatchString(module+name), name)
	}
}
