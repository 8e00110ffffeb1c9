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

// holding is a repository that blocks updates until they are released.
type holding struct {
	configuration.Repository
	entered chan struct{}
	let     chan struct{}
}

func (h *holding) Save(ctx context.Context, cs ...*configuration.Configuration) error {
	if cs[0].Unsaved().Base > 0 {
		h.entered <- struct{}{}
		<-h.let
	}
	return h.Repository.Save(ctx, cs...)
}

func TestTurns(t *testing.T) {
	t.Parallel()
	held := &holding{entered: make(chan struct{}, 1), let: make(chan struct{})}
	b := setupWith(t, func(r configuration.Repository) configuration.Repository {
		held.Repository = r
		return held
	})
	view := b.created(t, "one", false)
	first := make(chan error, 1)
	go func() {
		_, err := b.Update(t.Context(), fixture.Admin(), configapp.Update{ID: view.ID, Value: new(secret.New("two"))})
		first <- err
	}()
	<-held.entered

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Update(ctx, fixture.Admin(), configapp.Update{ID: view.ID, Value: new(secret.New("three"))})
	require.ErrorIs(t, err, fault.ErrContended, "a writer that waits for the lock until its deadline is ErrContended")
	require.ErrorIs(t, err, context.Canceled)

	close(held.let)
	require.NoError(t, <-first)
	assert.Equal(t, "four", text(b.updated(t, view.ID, "four")), "who gave up stands in nobody's way")
	assert.Len(t, b.store.Outbox(), 3)
}

func TestReplicas(t *testing.T) {
	t.Parallel()
	const replicas = 16
	b := setup(t)
	view := b.created(t, "one", false)
	// Each loses to each other one once at most, which is within the bound.
	errs := make([]error, replicas)
	var all sync.WaitGroup
	for i := range replicas {
		replica := b.elsewhere(t)
		all.Go(func() {
			_, errs[i] = replica.Update(t.Context(), fixture.Admin(),
				configapp.Update{ID: view.ID, Value: new(secret.New("replica " + strconv.Itoa(i)))})
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	page, err := b.store.Entries(t.Context(), view.ID, scope.Window{Limit: 100})
	require.NoError(t, err)
	assert.Equal(t, replicas+1, page.Total)
	assert.Equal(t, configuration.Version(replicas+1), page.Items[0].Version)
}

func TestPrintedViewShowsNoValue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.created(t, "canary", true)
	view, err := b.read(t, fixture.Admin())
	require.NoError(t, err)
	require.Equal(t, "canary", text(view))
	assertHidden(t, view, "canary")
}
