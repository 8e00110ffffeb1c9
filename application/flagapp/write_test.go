package flagapp_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestWriting(t *testing.T) {
	t.Parallel()

	t.Run("every flag has its own salt of 16 bytes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.create(t, `"is_enabled":true`)
		other, err := b.Create(t.Context(), fixture.Admin(), []byte(`{"name":"g","environment":"production"}`))
		require.NoError(t, err)
		assert.Len(t, first.Definition.Salt(), flag.SaltBytes)
		assert.NotEqual(t, first.Definition.Salt(), other.Definition.Salt())
	})

	t.Run("all errors are returned at once", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t).Create(t.Context(), fixture.Admin(),
			[]byte(`{"name":"-","environment":"mars","rules":[{"variant":"x"}]}`))
		require.ErrorIs(t, err, fault.ErrInvalid)
		var places []string
		for _, f := range fault.Of(err).Fields() {
			places = append(places, f.Name)
		}
		assert.Equal(t, []string{"/name", "/environment", "/rules/0/variant"}, places)
	})

	t.Run("an existing name conflicts, a deleted flag is restored", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		f := b.create(t, `"is_enabled":true`)
		_, err := b.Create(t.Context(), fixture.Admin(), []byte(`{"name":"f","environment":"production"}`))
		assert.Equal(t, scope.Exists(int64(f.ID)), fault.Of(err))
		_, err = b.Delete(t.Context(), fixture.Admin(), flagapp.Delete{ID: f.ID})
		require.NoError(t, err)
		back := b.create(t, `"rollout_percentage":5`)
		assert.Equal(t, f.ID, back.ID)
		assert.Equal(t, f.Definition.Salt(), back.Definition.Salt())
		assert.Equal(t, scope.Version(3), back.Version)
	})

	t.Run("an unexpected version is ErrStale and changes nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		f := b.create(t, `"is_enabled":true`)
		b.disable(t, f.ID)
		_, err := b.Update(t.Context(), fixture.Admin(), flagapp.Update{
			ID: f.ID, Change: []byte(`{"is_enabled":true}`), Expect: scope.ExpectVersions(1),
		})
		assert.Equal(t, scope.StaleAt(2), fault.Of(err))
	})

	t.Run("concurrent writers of one flag all succeed, without a gap", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		f := b.create(t, `"is_enabled":true`)
		var all sync.WaitGroup
		for n := range 20 {
			all.Go(func() {
				_, err := b.Update(t.Context(), fixture.Admin(), flagapp.Update{
					ID: f.ID, Change: []byte(`{"description":"` + strconv.Itoa(n) + `"}`),
				})
				assert.NoError(t, err)
			})
		}
		all.Wait()
		timeline, err := b.ReadHistory(t.Context(), fixture.Reader(), flagapp.History{ID: f.ID, Window: scope.Window{Limit: 100}})
		require.NoError(t, err)
		assert.Equal(t, 21, timeline.Total)
		assert.Equal(t, int64(21), snapshot(t, b.Service).Revision())
	})

	t.Run("readers read and do not write", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		f := b.create(t, `"is_enabled":true`)
		_, err := b.Create(t.Context(), fixture.Reader(), []byte(`{"name":"g","environment":"production"}`))
		require.ErrorIs(t, err, access.ErrForbidden)
		_, err = b.Update(t.Context(), fixture.Reader(), flagapp.Update{ID: f.ID, Change: []byte(`{}`)})
		require.ErrorIs(t, err, access.ErrForbidden)
		_, err = b.Delete(t.Context(), fixture.Reader(), flagapp.Delete{ID: 404})
		require.ErrorIs(t, err, access.ErrForbidden)
		_, err = b.RollBack(t.Context(), fixture.Reader(), flagapp.RollBack{ID: f.ID, Version: 1})
		require.ErrorIs(t, err, access.ErrForbidden)
		_, err = b.Snapshot(t.Context(), access.Caller{}, "production")
		require.ErrorIs(t, err, access.ErrUnauthenticated)
		_, err = b.Preview(t.Context(), fixture.Reader(), flagapp.Preview{ID: f.ID, Change: []byte(`{"is_enabled":false}`)})
		require.NoError(t, err)
	})
}
