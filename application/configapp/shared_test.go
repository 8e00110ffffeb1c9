package configapp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestASharedTokenOfAnUnknownKeyIsAMiss(t *testing.T) {
	t.Parallel()
	for key, queries := range map[string]int{"reversed": 0, "retired": 1} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.created(t, "one", true)
			environments, err := scope.NewEnvironments("production")
			require.NoError(t, err)
			shared := fixture.NewSharedCache[configuration.Locator, configuration.State]()
			store, tail := &counting{Repository: b.store}, fixture.NewTail()
			other := configapp.New(configapp.Dependencies{
				Reveals: b.reveals, Configurations: store, History: b.store, Cipher: fixture.OneKey(b.cipher),
				Enforcement: b.enforcement, Shared: shared,
				Memory: fixture.NewLocalCache[configuration.Locator, *configapp.Entry](1 << 20), Feed: tail,
				Stopwatch: b.watch, Clock: b.clock, Backoff: b.backoff, Environments: environments,
			})
			c, err := b.store.Find(t.Context(), 1)
			require.NoError(t, err)
			state := c.State()
			seal := state.Content.Seal()
			state.Content = configuration.RehydrateSealed(
				state.Content.Stored().Reveal(), configuration.Seal{Key: key, MAC: seal.MAC}, state.Version)
			position := tail.Position()
			shared.Force(state.Identity.Locator(), ports.SharedValue[configuration.State]{
				Value: state, Version: 1, Epoch: position.Epoch, Revision: position.Revision,
			})
			view, err := other.Read(t.Context(), fixture.Admin(), query())
			require.NoError(t, err)
			assert.Equal(t, "one", text(view))
			assert.Equal(t, queries, store.count())
		})
	}
}
