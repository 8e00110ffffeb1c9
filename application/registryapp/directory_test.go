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

// recordingDirectory records the names of its entries, and can fail or lose them.
type recordingDirectory struct {
	names         []string
	failing, lost bool
}

func (d *recordingDirectory) PutServices(_ context.Context, _ time.Duration, entries ...registry.Entry) (lost bool, err error) {
	if d.failing {
		return false, registry.ErrLeasesUnavailable
	}
	for _, e := range entries {
		d.names = append(d.names, e.Name)
	}
	lost, d.lost = d.lost, false
	return lost, nil
}

func (d *recordingDirectory) take() []string {
	defer func() { d.names = nil }()
	return d.names
}

// withDirectory returns a replica with a directory, and two services.
func withDirectory(t *testing.T) (*bundle, *recordingDirectory) {
	t.Helper()
	b, d := empty(), &recordingDirectory{}
	b.Service = b.replica(t, "replica-1", func(o *registryapp.Dependencies) {
		o.Directory, o.DirectoryTTL = d, time.Minute
	})
	require.NoError(t, b.Refresh(t.Context()))
	b.expireLeases(t)
	for _, name := range []string{shop, "cart"} {
		r := registration("a")
		r.ServiceName = name
		_, err := b.Register(t.Context(), fixture.Admin(), r)
		require.NoError(t, err)
	}
	return b, d
}

func (b *bundle) publishDirectory(t *testing.T) {
	t.Helper()
	for more := true; more; {
		var err error
		more, err = b.PublishDirectory(t.Context())
		require.NoError(t, err)
	}
}

func TestPublishDirectory(t *testing.T) {
	t.Parallel()

	t.Run("entries are put once, and again before they expire", func(t *testing.T) {
		t.Parallel()
		b, d := withDirectory(t)
		b.publishDirectory(t)
		assert.ElementsMatch(t, []string{shop, "cart"}, d.take())
		b.publishDirectory(t)
		assert.Empty(t, d.take())
		b.pass(30 * time.Second)
		b.publishDirectory(t)
		assert.ElementsMatch(t, []string{shop, "cart"}, d.take())
	})

	t.Run("entries that the directory has lost are put again", func(t *testing.T) {
		t.Parallel()
		b, d := withDirectory(t)
		b.publishDirectory(t)
		d.take()
		d.lost = true
		b.register(t, "b")
		b.publishDirectory(t)
		assert.ElementsMatch(t, []string{shop, "cart"}, unique(d.take()))
	})

	t.Run("a failing directory does not stop the expiry of leases", func(t *testing.T) {
		t.Parallel()
		b, d := withDirectory(t)
		d.failing = true
		_, err := b.PublishDirectory(t.Context())
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
