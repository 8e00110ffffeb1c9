package configapp_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// forging is a repository whose reads are changed by hand.
type forging struct {
	*fixture.Store

	forge func(configuration.State) configuration.State
}

func (f *forging) forged(c *configuration.Configuration, err error) (*configuration.Configuration, error) {
	if err != nil || f.forge == nil {
		return c, err
	}
	return configuration.Rehydrate(f.forge(c.State())), nil
}

func (f *forging) Find(ctx context.Context, id configuration.ID) (*configuration.Configuration, error) {
	return f.forged(f.Store.Find(ctx, id))
}

func (f *forging) FindByIdentity(
	ctx context.Context, identity configuration.Identity,
) (*configuration.Configuration, error) {
	return f.forged(f.Store.FindByIdentity(ctx, identity))
}

// forgery is a configuration "database.url" and another one, both encrypted, and the means to
// change what is read of the first.
type forgery struct {
	*bundle
	*forging

	id    configuration.ID
	other configuration.Content
}

func forged(t *testing.T) *forgery {
	t.Helper()
	f := &forgery{}
	f.bundle = setupWith(t, func(r configuration.Repository) configuration.Repository {
		store, ok := r.(*fixture.Store)
		require.True(t, ok)
		f.forging = &forging{Store: store}
		return f.forging
	})
	f.id = f.created(t, "own", true).ID
	in := creation("another's", true)
	in.Key = "other"
	other, err := f.Create(t.Context(), fixture.Admin(), in)
	require.NoError(t, err)
	f.other = other.Content
	require.NoError(t, f.Resync(t.Context()))
	return f
}

// stored makes the content of "database.url" that is read another one.
func (f *forgery) holding(change func(configuration.State) configuration.Content) {
	f.forge = func(s configuration.State) configuration.State {
		if s.ID == f.id {
			s.Content = change(s)
		}
		return s
	}
}

func TestATokenOfAnotherRowIsTampered(t *testing.T) {
	t.Parallel()
	cases := map[string]func(f *forgery) func(configuration.State) configuration.Content{
		"with its seal": func(f *forgery) func(configuration.State) configuration.Content {
			return func(configuration.State) configuration.Content { return f.other }
		},
		"beside the seal that was there": func(f *forgery) func(configuration.State) configuration.Content {
			return func(s configuration.State) configuration.Content {
				return configuration.RehydrateSealed(f.other.Stored().Reveal(), s.Content.Seal(), s.Version)
			}
		},
		"with a seal that has no MAC": func(f *forgery) func(configuration.State) configuration.Content {
			require.NoError(t, f.enforcement.Enforce(t.Context()))
			return func(configuration.State) configuration.Content {
				return configuration.Sealed(f.other.Stored().Reveal())
			}
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := forged(t)
			f.holding(change(f))
			_, err := f.read(t, fixture.Admin())
			require.ErrorIs(t, err, ports.ErrTokenTampered)
			assert.Equal(t, []fault.Detail{{Name: "id", Value: int64(f.id)}, {Name: "version", Value: int64(1)}},
				fault.Of(err).Details())
			assert.Equal(t, 1, f.reveals.TamperedCount())
			assert.Zero(t, f.reveals.Count())

			_, err = f.Update(t.Context(), fixture.Admin(), configapp.Update{ID: f.id, Description: new("other")})
			require.ErrorIs(t, err, ports.ErrTokenTampered, "no version is bound to it")
			off := false
			_, err = f.Update(t.Context(), fixture.Admin(), configapp.Update{ID: f.id, IsEncrypted: &off})
			require.ErrorIs(t, err, ports.ErrTokenTampered)
			view, err := f.Update(t.Context(), fixture.Admin(), configapp.Update{ID: f.id, Value: new(secret.New("new"))})
			require.NoError(t, err, "it can be replaced")
			f.forge = nil
			assert.Equal(t, configuration.Version(2), view.Version)
			shown, err := f.read(t, fixture.Admin())
			require.NoError(t, err)
			assert.Equal(t, "new", text(shown))
		})
	}
}

func TestATamperedConfigurationCanBeDeletedAndItsTokenStaysTampered(t *testing.T) {
	t.Parallel()
	f := forged(t)
	f.holding(func(configuration.State) configuration.Content { return f.other })
	gone, err := f.Delete(t.Context(), fixture.Admin(), configapp.Delete{ID: f.id})
	require.NoError(t, err)
	assert.Equal(t, f.other.Seal(), gone.Content.Seal(), "it is not bound to the deleted version")
}

func TestRollingBackToATamperedVersionIsRefused(t *testing.T) {
	t.Parallel()
	f := forged(t)
	f.updated(t, f.id, "second")
	f.history.forge = func(e configuration.HistoryEntry) configuration.HistoryEntry {
		e.New = f.other
		return e
	}
	_, err := f.RollBack(t.Context(), fixture.Admin(), configapp.RollBack{ID: f.id, Version: 1})
	require.ErrorIs(t, err, ports.ErrTokenTampered)
	_, err = f.Read(t.Context(), fixture.Admin(), configapp.Read{
		Key: "database.url", Environment: "production", ServiceName: "shop", Version: 1,
	})
	require.ErrorIs(t, err, ports.ErrTokenTampered)
	assert.Equal(t, 2, f.reveals.TamperedCount())
	f.history.forge = nil
	back, err := f.RollBack(t.Context(), fixture.Admin(), configapp.RollBack{ID: f.id, Version: 1})
	require.NoError(t, err)
	assert.Equal(t, configuration.Version(3), back.Content.Of(), "it is bound to the version that it makes")
	shown, err := f.read(t, fixture.Admin())
	require.NoError(t, err)
	assert.Equal(t, "own", text(shown))
}

func TestATokenWithoutAMACPassesUntilThatIsEnforced(t *testing.T) {
	t.Parallel()
	f := forged(t)
	f.holding(func(s configuration.State) configuration.Content {
		return configuration.Sealed(s.Content.Stored().Reveal())
	})
	read := func() error {
		require.NoError(t, f.Resync(t.Context()))
		_, err := f.read(t, fixture.Admin())
		return err
	}
	require.NoError(t, read())
	require.NoError(t, f.enforcement.Enforce(t.Context()))
	f.watch.Move(2 * time.Second)
	require.ErrorIs(t, read(), ports.ErrTokenTampered, "another replica has made it so")
}

func TestATokenWithoutAMACIsBoundByTheNextWrite(t *testing.T) {
	t.Parallel()
	f := forged(t)
	f.holding(func(s configuration.State) configuration.Content {
		return configuration.Sealed(s.Content.Stored().Reveal())
	})
	_, err := f.Update(t.Context(), fixture.Admin(), configapp.Update{ID: f.id, Description: new("other")})
	require.NoError(t, err)
	f.forge = nil
	c, err := f.store.Find(t.Context(), f.id)
	require.NoError(t, err)
	assert.Equal(t, configuration.Version(2), c.Content().Of())
	page, err := f.store.Entries(t.Context(), f.id, scope.Window{Limit: 10})
	require.NoError(t, err)
	assert.Equal(t, []configuration.Version{1, 2}, []configuration.Version{page.Items[0].Old.Of(), page.Items[0].New.Of()})
}

func TestTurningEncryptionOnBindsTheHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	view := b.created(t, "one", false)
	b.updated(t, view.ID, "two")
	_, err := b.encrypt(t, view.ID, true)
	require.NoError(t, err)
	page, err := b.store.Entries(t.Context(), view.ID, scope.Window{Limit: 10})
	require.NoError(t, err)
	for _, e := range page.Items {
		assert.Equal(t, e.Version, e.New.Of())
		assert.True(t, e.Old.IsZero() || e.Old.Of() == e.Version-1, "version %d", e.Version)
	}
	require.NoError(t, b.enforcement.Enforce(t.Context()))
	_, err = b.RollBack(t.Context(), fixture.Admin(), configapp.RollBack{ID: view.ID, Version: 1})
	require.NoError(t, err)
}
