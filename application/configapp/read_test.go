package configapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestRead(t *testing.T) {
	t.Parallel()

	t.Run("an encrypted value is revealed only to callers with the right", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.created(t, "one", true)
		for _, row := range []struct {
			by   access.Caller
			want string
		}{{fixture.Admin(), "one"}, {revealer(t), "one"}, {fixture.Reader(), "hidden"}, {access.Caller{Grants: access.ReadOnly()}, "hidden"}} {
			view, err := b.read(t, row.by)
			require.NoError(t, err)
			assert.Equal(t, row.want, text(view), row.by.Actor)
		}
	})

	t.Run("as of a version and a time it is the state of then", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		b.clock.Move(time.Minute)
		b.updated(t, view.ID, "two")
		b.clock.Move(time.Minute)
		_, err := b.Delete(t.Context(), fixture.Admin(), configapp.Delete{ID: view.ID})
		require.NoError(t, err)
		_, err = b.read(t, fixture.Reader())
		require.ErrorIs(t, err, configuration.ErrNotFound)

		in := configapp.Read{Key: "database.url", Environment: "production", ServiceName: "shop"}
		asOf := func(version configuration.Version, after time.Duration) (string, error) {
			in.Version, in.At = version, time.Time{}
			if version == 0 {
				in.At = fixture.Noon().Add(after)
			}
			got, err := b.Read(t.Context(), fixture.Reader(), in)
			return text(got), err
		}
		for want, got := range map[string][]func() (string, error){
			"one": {func() (string, error) { return asOf(1, 0) }, func() (string, error) { return asOf(0, 59*time.Second) }},
			"two": {func() (string, error) { return asOf(2, 0) }, func() (string, error) { return asOf(0, time.Minute) }},
		} {
			for _, read := range got {
				value, err := read()
				require.NoError(t, err)
				assert.Equal(t, want, value)
			}
		}
		_, err = asOf(3, 0)
		require.ErrorIs(t, err, configuration.ErrNotFound)
		_, err = asOf(0, 2*time.Minute)
		require.ErrorIs(t, err, configuration.ErrNotFound)
		_, err = asOf(0, -time.Microsecond)
		require.ErrorIs(t, err, configuration.ErrNotFound)
		_, err = asOf(9, 0)
		require.ErrorIs(t, err, configuration.ErrVersionNotFound)
	})

	t.Run("version and time together are refused", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t).Read(t.Context(), fixture.Reader(), configapp.Read{
			Key: "k", Environment: "production", ServiceName: "shop", Version: 1, At: fixture.Noon(),
		})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

func TestListAndHistory(t *testing.T) {
	t.Parallel()

	t.Run("lists hide encrypted values from everybody", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.created(t, "one", true)
		listing, err := b.List(t.Context(), fixture.Admin(), configapp.List{Window: scope.Window{Limit: 10}})
		require.NoError(t, err)
		require.Len(t, listing.Items, 1)
		assert.Equal(t, "hidden", text(listing.Items[0]))
		assert.Equal(t, 1, listing.Total)
	})

	t.Run("the history of a deleted one is read by its id", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		_, err := b.Delete(t.Context(), fixture.Admin(), configapp.Delete{ID: view.ID})
		require.NoError(t, err)
		timeline, err := b.ReadHistory(t.Context(), fixture.Reader(), configapp.History{ID: view.ID, Window: scope.Window{Limit: 10}})
		require.NoError(t, err)
		assert.Equal(t, 2, timeline.Total)
		assert.Equal(t, scope.ActionDelete, timeline.Items[0].Action)
		_, err = b.ReadHistory(t.Context(), fixture.Reader(), configapp.History{ID: 404, Window: scope.Window{Limit: 10}})
		require.ErrorIs(t, err, configuration.ErrNotFound)
	})

	t.Run("pages out of bounds and wrong filters are refused", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, in := range []configapp.List{
			{Window: scope.Window{Limit: 0}},
			{Window: scope.Window{Limit: 1001}},
			{Window: scope.Window{Limit: 1, Offset: -1}},
			{Window: scope.Window{Limit: 1, After: scope.Position{"production", "shop"}}},
			{Window: scope.Window{Limit: 1}, Environment: "moon"},
			{Window: scope.Window{Limit: 1}, ServiceName: "-"},
			{Window: scope.Window{Limit: 1}, KeyPrefix: "%"},
			{Window: scope.Window{Limit: 1}, KeyPrefix: "\x00"},
		} {
			_, err := b.List(t.Context(), fixture.Reader(), in)
			require.ErrorIs(t, err, fault.ErrInvalid)
		}
		_, err := b.ReadHistory(t.Context(), fixture.Reader(), configapp.History{ID: 1})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

func TestAccess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	view := b.created(t, "one", false)
	nobody := access.Caller{}
	calls := map[string]func(access.Caller) error{
		"create": func(by access.Caller) error { _, err := b.Create(t.Context(), by, creation("two", false)); return err },
		"update": func(by access.Caller) error {
			_, err := b.Update(t.Context(), by, configapp.Update{ID: view.ID, Value: new(secret.New("two"))})
			return err
		},
		"delete": func(by access.Caller) error {
			_, err := b.Delete(t.Context(), by, configapp.Delete{ID: view.ID})
			return err
		},
		"roll back": func(by access.Caller) error {
			_, err := b.RollBack(t.Context(), by, configapp.RollBack{ID: view.ID, Version: 1})
			return err
		},
		"delete what does not exist": func(by access.Caller) error {
			_, err := b.Delete(t.Context(), by, configapp.Delete{ID: 404})
			return err
		},
	}
	for name, call := range calls {
		t.Run("a reader may not "+name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, call(fixture.Reader()), access.ErrForbidden)
			require.ErrorIs(t, call(nobody), access.ErrUnauthenticated)
		})
	}

	t.Run("a caller without the right reads nothing", func(t *testing.T) {
		t.Parallel()
		_, err := b.read(t, nobody)
		require.ErrorIs(t, err, access.ErrUnauthenticated)
		_, err = b.List(t.Context(), nobody, configapp.List{Window: scope.Window{Limit: 1}})
		require.ErrorIs(t, err, access.ErrUnauthenticated)
		_, err = b.ReadHistory(t.Context(), nobody, configapp.History{ID: view.ID, Window: scope.Window{Limit: 1}})
		require.ErrorIs(t, err, access.ErrUnauthenticated)
	})
}

// TestUnsentValuesAreNotRevealed reads what the caller has already.
func TestUnsentValuesAreNotRevealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	created := b.created(t, "canary", true)
	in := configapp.Read{Key: "database.url", Environment: "production", ServiceName: "shop"}
	for _, version := range []configuration.Version{0, created.Version} { // cached, and of the history
		in.Version = version
		for unsent, want := range map[bool]string{false: "canary", true: ""} {
			in.Unsent = func(s configuration.State) bool { return unsent && s.Version == created.Version }
			before := b.reveals.Count()
			v, err := b.Read(t.Context(), revealer(t), in)
			require.NoError(t, err)
			assert.Equal(t, want, text(v), "it counts as shown, so that its tag is that of shown values")
			assert.Equal(t, !unsent, b.reveals.Count() > before)
		}
		in.Unsent = func(configuration.State) bool { return true }
		v, err := b.Read(t.Context(), fixture.Reader(), in)
		require.NoError(t, err)
		assert.Equal(t, "hidden", text(v), "a caller without the right has nothing")
	}
}
