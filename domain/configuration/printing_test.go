package configuration_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestPrintingShowsNoValue(t *testing.T) {
	t.Parallel()
	value, err := configuration.ParseValue("canary")
	require.NoError(t, err)
	plain := fixture.Configuration(t, fixture.Holding(configuration.Plain(value)))
	sealed := fixture.Configuration(t, fixture.Holding(configuration.Sealed("canary")))
	for _, held := range []any{
		value, configuration.Plain(value), configuration.Sealed("canary"), plain, *plain, sealed,
		plain.State(), plain.Unsaved(), plain.Unsaved().Entries, plain.PendingEvents(),
	} {
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "held", held)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "held", held)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, held)
		}
		assert.NotContains(t, out.String(), "canary", "%T", held)
		assert.NotContains(t, out.String(), fmt.Sprintf("%x", "canary"), "%T", held)
	}
}
