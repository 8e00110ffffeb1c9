package configstore_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestConfigurationsRoundTrip(t *testing.T) {
	t.Parallel()
	storetest.EachStore(t, func(t *rapid.T, store *bunstore.Store, n int) {
		draft := func(label string) configuration.Draft {
			d := configuration.Draft{Description: storetest.DrawDescription(t)}
			v, err := configuration.ParseValue(storetest.DrawText().Draw(t, label))
			if err != nil {
				t.Skip("invalid value")
			}
			if d.Content = configuration.Plain(v); rapid.Bool().Draw(t, label+" sealed") {
				d.Content = configuration.Sealed(rapid.StringMatching(`[A-Za-z0-9_=-]{1,40}`).Draw(t, label+" token"))
			}
			return d
		}
		identity, err := configuration.Locator{
			Environment: rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,9}`).Draw(t, "environment"),
			Service:     rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,9}`).Draw(t, "service"),
			Key:         rapid.StringMatching(`[A-Za-z0-9_][A-Za-z0-9_.:@+-]{0,20}`).Draw(t, "key") + strconv.Itoa(n),
		}.Parse()
		require.NoError(t, err)
		c := configuration.New(identity, draft("value"), storetest.DrawStamp(t, "created"))
		if _, err := c.Update(draft("next"), storetest.DrawStamp(t, "updated")); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "deleted") {
			require.NoError(t, c.Delete(storetest.DrawStamp(t, "deleted")))
		}
		entries := c.Unsaved().Entries
		require.NoError(t, configstore.New(store).Save(t.Context(), c))
		found, err := configstore.New(store).Find(t.Context(), c.ID())
		require.NoError(t, err)
		require.Equal(t, c.State(), found.State())
		history, err := configstore.New(store).Entries(t.Context(), c.ID(), scope.Window{Limit: 10})
		require.NoError(t, err)
		stored, total := history.Items, history.Total
		require.Equal(t, len(entries), total)
		for i, e := range entries {
			e.ID, e.AggregateID = stored[total-1-i].ID, c.ID()
			require.Equal(t, e, stored[total-1-i])
		}
	})
}
