package change_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestEdit(t *testing.T) {
	t.Parallel()

	t.Run("concurrent edits of one aggregate are serialized", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var writers sync.WaitGroup
		errs := make([]error, 16)
		for i := range errs {
			writers.Go(func() { _, errs[i] = b.increment(t) })
		}
		writers.Wait()
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, 16, b.store.stored.value)
		assert.False(t, b.store.overlapped)
		assert.Zero(t, b.backoff.Waits())
	})

	t.Run("an edit that loses to another process is applied again to fresh state", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.store.conflicts = 3
		written, err := b.increment(t)
		require.NoError(t, err)
		assert.Equal(t, 1, written.value)
		assert.Equal(t, 3, b.backoff.Waits())
		assert.Equal(t, 4, b.store.loads)
	})

	t.Run("an edit that always loses is ErrContended", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.store.conflicts = 1000
		_, err := b.increment(t)
		require.ErrorIs(t, err, fault.ErrContended)
		assert.Equal(t, 16, b.store.saves)
	})

	t.Run("an expected version is checked again after a conflict", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.store.conflicts = 1
		_, err := b.increment(t, 1)
		assert.Equal(t, scope.StaleAt(2), fault.Of(err))
		assert.Equal(t, 1, b.store.saves)
	})

	t.Run("an unknown outcome is not retried", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.store.failing = fault.ErrUnavailable
		_, err := b.increment(t)
		require.ErrorIs(t, err, fault.ErrUnavailable)
		assert.True(t, change.OutcomeUnknown(err))
		assert.Equal(t, 1, b.store.saves)
		assert.Zero(t, b.backoff.Waits())
	})

	t.Run("deleted and damaged aggregates need an edit that allows them", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.store.stored.Lifecycle.Deleted = true
		_, err := b.increment(t)
		require.ErrorIs(t, err, errNotFound)
		b.store.stored.Lifecycle.Deleted, b.store.stored.Damaged = false, true
		_, err = b.increment(t)
		require.ErrorIs(t, err, scope.ErrDamaged)
		_, err = b.Edit(t.Context(), fixture.Admin(), change.Edit[counterID, *counter]{
			ID: 1, Revives: true, Mends: true, Apply: func(context.Context, *counter) error { return nil },
		})
		require.NoError(t, err)
	})

	t.Run("a caller without the right does not learn whether the aggregate exists", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.store.stored = nil
		_, err := b.Load(t.Context(), fixture.Reader(), access.WriteFlag, 404)
		require.ErrorIs(t, err, access.ErrForbidden)
		_, err = b.Load(t.Context(), fixture.Admin(), access.WriteFlag, 404)
		require.ErrorIs(t, err, errNotFound)
	})
}

func TestCreate(t *testing.T) {
	t.Parallel()
	create := func() *counter { return &counter{} }

	t.Run("an identity that exists is recreated", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.store.failing = scope.ErrAlreadyExists
		created, err := b.Create(t.Context(), create, func(context.Context) (*counter, error) {
			b.store.failing = nil
			return &counter{Lifecycle: scope.Lifecycle{Version: 1}, value: 7}, nil
		})
		require.NoError(t, err)
		assert.Equal(t, 7, created.value)
	})

	t.Run("an error of recreate is final", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.store.failing = scope.ErrAlreadyExists
		_, err := b.Create(t.Context(), create, func(context.Context) (*counter, error) { return nil, scope.Exists(7) })
		assert.Equal(t, scope.Exists(7), fault.Of(err))
		assert.Zero(t, b.backoff.Waits())
	})

	t.Run("a recreation that loses is retried from the start", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.store.failing = scope.ErrAlreadyExists
		attempts := 0
		_, err := b.Create(t.Context(), create, func(context.Context) (*counter, error) {
			attempts++
			if attempts == 3 {
				b.store.failing = nil
			}
			return &counter{Lifecycle: scope.Lifecycle{Version: 1}}, nil
		})
		require.NoError(t, err)
		assert.Equal(t, 2, b.backoff.Waits())
	})
}

func TestAsOf(t *testing.T) {
	t.Parallel()
	noon := fixture.Noon()
	for name, row := range map[string]struct {
		asOf   change.AsOf
		fields []string
	}{
		"the present":                    {},
		"the present of a least version": {asOf: change.AsOf{MinVersion: 2}},
		"a version":                      {asOf: change.AsOf{Version: 2}},
		"a version and a time":           {asOf: change.AsOf{Version: 2, At: noon}, fields: []string{"at"}},
		"a time and a least version":     {asOf: change.AsOf{At: noon, MinVersion: 2}, fields: []string{"min_version"}},
		"a version, a time and a least version": {
			asOf: change.AsOf{Version: 1, At: noon, MinVersion: 2}, fields: []string{"at", "min_version"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var fields []string
			if err := row.asOf.Validate(); err != nil {
				for _, f := range fault.Of(err).Fields() {
					fields = append(fields, f.Name)
				}
			}
			assert.Equal(t, row.fields, fields)
		})
	}
}
