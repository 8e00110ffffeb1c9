package registryapp_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// recordingDirectory records its entries, and can fail or lose them.
type recordingDirectory struct {
	names []string
	// statuses are those of the instances of an entry, as it was put last; most is the
	// number of instances of the largest call.
	statuses      map[string]map[string]health.Status
	most          int
	failing, lost bool
}

func (d *recordingDirectory) PutServices(_ context.Context, _ time.Duration, entries ...registry.Entry) (lost bool, err error) {
	if d.failing {
		return false, registry.ErrLeasesUnavailable
	}
	instances := 0
	for _, e := range entries {
		d.names = append(d.names, e.Name)
		instances += len(e.Instances)
		d.statuses[e.Name] = map[string]health.Status{}
		for _, i := range e.Instances {
			d.statuses[e.Name][i.Instance.String()] = i.Status
		}
	}
	d.most = max(d.most, instances)
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
	b, d := empty(), &recordingDirectory{statuses: map[string]map[string]health.Status{}}
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

	t.Run("an entry has the observed status of each instance, and is put again when one changes", func(t *testing.T) {
		t.Parallel()
		b, d := withDirectory(t)
		b.publishDirectory(t)
		assert.Equal(t, map[string]health.Status{"a": health.Passing}, d.statuses[shop])
		d.take()
		_, err := b.Report(t.Context(), fixture.Admin(), registryapp.Report{
			ServiceName: shop, InstanceID: new("a"), Environment: "production", Status: "critical",
		})
		require.NoError(t, err)
		b.publishDirectory(t)
		assert.Equal(t, []string{shop}, d.take())
		assert.Equal(t, map[string]health.Status{"a": health.Critical}, d.statuses[shop])
		assert.Equal(t, map[string]health.Status{"a": health.Passing}, d.statuses["cart"])
	})

	t.Run("a step has a bounded number of instances", func(t *testing.T) {
		t.Parallel()
		const services, instances = 6, 1500
		b, d := withDirectory(t)
		for s := range services {
			for i := range instances {
				r := registration(strconv.Itoa(i))
				r.ServiceName = "many-" + strconv.Itoa(s)
				_, err := b.Register(t.Context(), fixture.Admin(), r)
				require.NoError(t, err)
			}
		}
		b.publishDirectory(t)
		assert.Len(t, unique(d.take()), 2+services)
		assert.LessOrEqual(t, d.most, 5000+instances)
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
