package configapp_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestCreate(t *testing.T) {
	t.Parallel()

	t.Run("a new one is version 1, by its author, in its request", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		assert.Equal(t, configuration.Version(1), view.Version)
		assert.Equal(t, "one", text(view))
		entry, err := b.store.Entry(t.Context(), view.ID, 1)
		require.NoError(t, err)
		assert.Equal(t, fixture.Stamp(), entry.Stamp)
	})

	t.Run("where one exists it is ErrAlreadyExists with its id", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.created(t, "one", false)
		_, err := b.Create(t.Context(), fixture.Admin(), creation("two", false))
		assert.Equal(t, scope.Exists(int64(first.ID)), fault.Of(err))
		assert.Zero(t, b.backoff.Waits(), "an answer is not worth trying again")
	})

	t.Run("after a deletion id and version go on", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.created(t, "one", false)
		_, err := b.Delete(t.Context(), fixture.Admin(), configapp.Delete{ID: first.ID})
		require.NoError(t, err)
		again := b.created(t, "two", false)
		assert.Equal(t, first.ID, again.ID)
		assert.Equal(t, configuration.Version(3), again.Version)
	})

	t.Run("everything that is wrong is named at once", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t).Create(t.Context(), fixture.Admin(), configapp.Create{
			Key: "/", Value: secret.New("\x00"), Environment: "moon", ServiceName: "-", Description: new("\xff"),
		})
		require.ErrorIs(t, err, fault.ErrInvalid)
		var names []string
		for _, f := range fault.Of(err).Fields() {
			names = append(names, f.Name)
		}
		assert.Equal(t, []string{"key", "environment", "service_name", "value", "description"}, names)
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()

	t.Run("fields that are not set stay", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		_, err := b.Update(t.Context(), fixture.Admin(), configapp.Update{ID: view.ID, Description: new("about")})
		require.NoError(t, err)
		got := b.updated(t, view.ID, "two")
		about, _ := got.Description.Text()
		assert.Equal(t, "about", about)
		assert.Equal(t, "two", text(got))
		assert.Equal(t, configuration.Version(3), got.Version)
	})

	t.Run("an update without a difference returns the current state", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		assert.Equal(t, view, b.updated(t, view.ID, "one"))
		assert.Len(t, b.store.Outbox(), 1)
	})

	t.Run("a version other than the expected is ErrStale with the present one", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		b.updated(t, view.ID, "two")
		_, err := b.Update(t.Context(), fixture.Admin(), configapp.Update{
			ID: view.ID, Value: new(secret.New("three")), Expect: scope.ExpectVersions(1),
		})
		assert.Equal(t, scope.StaleAt(2), fault.Of(err))
		assert.Zero(t, b.backoff.Waits(), "an answer is not worth trying again")
	})

	t.Run("unknown and deleted are ErrNotFound", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		_, err := b.Delete(t.Context(), fixture.Admin(), configapp.Delete{ID: view.ID})
		require.NoError(t, err)
		for _, id := range []configuration.ID{view.ID, 404} {
			_, err := b.Update(t.Context(), fixture.Admin(), configapp.Update{ID: id})
			require.ErrorIs(t, err, configuration.ErrNotFound)
			_, err = b.Delete(t.Context(), fixture.Admin(), configapp.Delete{ID: id})
			require.ErrorIs(t, err, configuration.ErrNotFound)
		}
	})

	t.Run("16 writers on one row all succeed, each with its own version", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		versions := make([]bool, 18)
		var mu sync.Mutex
		var writers sync.WaitGroup
		errs := make([]error, 16)
		for i := range 16 {
			writers.Go(func() {
				got, err := b.Update(t.Context(), fixture.Admin(),
					configapp.Update{ID: view.ID, Value: new(secret.New("writer " + strconv.Itoa(i)))})
				errs[i] = err
				mu.Lock()
				defer mu.Unlock()
				versions[got.Version] = true
			})
		}
		writers.Wait()
		require.NoError(t, errors.Join(errs...))
		for v := 2; v < 18; v++ {
			assert.True(t, versions[v], "version %d", v)
		}
		assert.Zero(t, b.backoff.Waits(), "writers of one process wait for the lock instead")
	})
}

// losing is a repository in which another replica is quicker, so often.
type losing struct {
	configuration.Repository
	mu    sync.Mutex
	times int
}

func (l *losing) Save(ctx context.Context, cs ...*configuration.Configuration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.times > 0 && cs[0].Unsaved().Base > 0 {
		l.times--
		return configuration.ErrStale
	}
	return l.Repository.Save(ctx, cs...)
}

func TestLostRaces(t *testing.T) {
	t.Parallel()
	losingTo := func(t *testing.T, times int) *bundle {
		t.Helper()
		return setupWith(t, func(r configuration.Repository) configuration.Repository {
			return &losing{Repository: r, times: times}
		})
	}

	t.Run("a write that conflicted is retried on the current state", func(t *testing.T) {
		t.Parallel()
		b := losingTo(t, 5)
		view := b.created(t, "one", false)
		assert.Equal(t, "two", text(b.updated(t, view.ID, "two")))
		assert.Equal(t, 5, b.backoff.Waits())
	})

	t.Run("a write that always loses is ErrContended", func(t *testing.T) {
		t.Parallel()
		b := losingTo(t, 1000)
		view := b.created(t, "one", false)
		_, err := b.Update(t.Context(), fixture.Admin(), configapp.Update{ID: view.ID, Value: new(secret.New("two"))})
		require.ErrorIs(t, err, fault.ErrContended)
	})

	t.Run("a write that loses until its deadline is ErrContended", func(t *testing.T) {
		t.Parallel()
		b := losingTo(t, 1000)
		view := b.created(t, "one", false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := b.Update(ctx, fixture.Admin(), configapp.Update{ID: view.ID, Value: new(secret.New("two"))})
		require.ErrorIs(t, err, fault.ErrContended)
		assert.LessOrEqual(t, b.backoff.Waits(), 1)
	})

	t.Run("a creation over a deleted one that lost is made again", func(t *testing.T) {
		t.Parallel()
		b := losingTo(t, 0)
		view := b.created(t, "one", false)
		_, err := b.Delete(t.Context(), fixture.Admin(), configapp.Delete{ID: view.ID})
		require.NoError(t, err)
		b.created(t, "two", false)
		assert.Zero(t, b.backoff.Waits())
	})
}

func TestRollBack(t *testing.T) {
	t.Parallel()
	back := func(t *testing.T, b *bundle, id configuration.ID, version configuration.Version) (configapp.View, error) {
		t.Helper()
		return b.RollBack(t.Context(), fixture.Admin(), configapp.RollBack{ID: id, Version: version})
	}

	t.Run("an earlier value is restored as a new version", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		b.updated(t, view.ID, "two")
		got, err := back(t, b, view.ID, 1)
		require.NoError(t, err)
		assert.Equal(t, "one", text(got))
		assert.Equal(t, configuration.Version(3), got.Version)
	})

	t.Run("a deleted one is restored", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		_, err := b.Delete(t.Context(), fixture.Admin(), configapp.Delete{ID: view.ID})
		require.NoError(t, err)
		_, err = back(t, b, view.ID, 2)
		require.ErrorIs(t, err, configuration.ErrVersionIsDelete)
		_, err = back(t, b, view.ID, 1)
		require.NoError(t, err)
		got, err := b.read(t, fixture.Admin())
		require.NoError(t, err)
		assert.Equal(t, "one", text(got))
	})

	t.Run("nothing is decrypted for it, and the result hides the value", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", true)
		b.updated(t, view.ID, "two")
		b.cipher.blind, b.cipher.available = true, false
		got, err := back(t, b, view.ID, 1)
		require.NoError(t, err)
		assert.Equal(t, "hidden", text(got))
		assert.True(t, got.Content.Encrypted())
	})

	t.Run("a version that never was is ErrVersionNotFound, an unknown id ErrNotFound", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		_, err := back(t, b, view.ID, 9)
		require.ErrorIs(t, err, configuration.ErrVersionNotFound)
		_, err = back(t, b, 404, 1)
		require.ErrorIs(t, err, configuration.ErrNotFound)
	})
}
