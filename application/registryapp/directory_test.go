package registryapp_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// directory remembers what it was to show, and can be broken or lose it.
type directory struct {
	shown        []string
	broken, lost bool
}

func (d *directory) Show(_ context.Context, _ time.Duration, entries ...registry.Entry) (again bool, err error) {
	if d.broken {
		return false, registry.ErrLeasesUnavailable
	}
	for _, e := range entries {
		d.shown = append(d.shown, e.Name)
	}
	again, d.lost = d.lost, false
	return again, nil
}

func (d *directory) take() []string {
	defer func() { d.shown = nil }()
	return d.shown
}

// exhibiting returns a replica with a directory, and two services.
func exhibiting(t *testing.T) (*bundle, *directory) {
	t.Helper()
	b, d := empty(), &directory{}
	b.Service = b.replica(t, "replica-1", func(o *registryapp.Dependencies) {
		o.Directory, o.ShownFor = d, time.Minute
	})
	require.NoError(t, b.Refresh(t.Context()))
	b.sweep(t)
	for _, name := range []string{shop, "cart"} {
		r := registration("a")
		r.ServiceName = name
		_, err := b.Register(t.Context(), fixture.Admin(), r)
		require.NoError(t, err)
	}
	return b, d
}

func (b *bundle) exhibit(t *testing.T) {
	t.Helper()
	for more := true; more; {
		var err error
		more, err = b.Exhibit(t.Context())
		require.NoError(t, err)
	}
}

func TestExhibit(t *testing.T) {
	t.Parallel()

	t.Run("services are shown once, and again before they would disappear", func(t *testing.T) {
		t.Parallel()
		b, d := exhibiting(t)
		b.exhibit(t)
		assert.ElementsMatch(t, []string{shop, "cart"}, d.take())
		b.exhibit(t)
		assert.Empty(t, d.take())
		b.pass(30 * time.Second)
		b.exhibit(t)
		assert.ElementsMatch(t, []string{shop, "cart"}, d.take())
	})

	t.Run("what the directory has lost is shown again", func(t *testing.T) {
		t.Parallel()
		b, d := exhibiting(t)
		b.exhibit(t)
		d.take()
		d.lost = true
		b.register(t, "b")
		b.exhibit(t)
		assert.ElementsMatch(t, []string{shop, "cart"}, unique(d.take()))
	})

	t.Run("a directory that fails keeps no lease from ending", func(t *testing.T) {
		t.Parallel()
		b, d := exhibiting(t)
		d.broken = true
		_, err := b.Exhibit(t.Context())
		require.ErrorIs(t, err, registry.ErrLeasesUnavailable)
		b.run(t, 31*time.Second)
		assert.True(t, instance(t, b.Service, "a").Expired)
	})
}

func unique(names []string) []string {
	seen, list := map[string]bool{}, []string{}
	for _, n := range names {
		if !seen[n] {
			seen[n], list = true, append(list, n)
		}
	}
	return list
}
