package registry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// TestEpochsAfterRestore advances the epochs of a service by a restore: an epoch that was
// drawn in the lost history is unknown, a replaced one is lost.
func TestEpochsAfterRestore(t *testing.T) {
	t.Parallel()
	ref := fixture.Ref(t, "a")
	service := func(mark registry.Epoch) *registry.Service {
		i := &registry.Instance{ID: ref.Instance, Epoch: 3}
		i.Environment, i.TTL = ref.Environment, registry.DefaultTTL
		state := registry.State{
			ID: 1, Attributes: registry.Attributes{Name: fixture.ServiceName(t, "shop"), Epoch: mark},
		}
		state.Version = 1
		return registry.Rehydrate(state, i)
	}
	const restored = registry.RestoreStep
	for _, one := range []struct {
		mark, epoch registry.Epoch
		want        error
	}{
		{mark: 5, epoch: 3},
		{mark: 5, epoch: 2, want: registry.ErrLeaseLost},
		{mark: 5, epoch: 4, want: registry.ErrLeaseLost},
		{mark: 5, epoch: 9, want: registry.ErrLeaseLost},
		{mark: restored, epoch: 3},
		{mark: restored, epoch: 2, want: registry.ErrLeaseLost},
		{mark: restored, epoch: 4, want: registry.ErrInstanceNotFound},
		{mark: restored + 7, epoch: restored, want: registry.ErrInstanceNotFound},
		{mark: restored + 7, epoch: restored + 1, want: registry.ErrLeaseLost},
	} {
		s := service(one.mark)
		_, err := s.Holder(ref.Instance, one.epoch, nil)
		reviveErr := s.Revive(ref, one.epoch, stamp())
		if one.want == nil {
			require.NoError(t, err)
			require.NoError(t, reviveErr)
			continue
		}
		require.ErrorIs(t, err, one.want, "%d of %d", one.epoch, one.mark)
		require.ErrorIs(t, reviveErr, one.want, "%d of %d", one.epoch, one.mark)
	}
	s := service(restored)
	url, err := registry.ParseURL("service_url", "http://10.0.0.1:8080")
	require.NoError(t, err)
	done, err := s.Register(registry.Registration{
		Instance: ref.Instance, Environment: &ref.Environment, URL: &url, Removal: new(registry.MaxRemoval),
	}, stamp())
	require.NoError(t, err)
	assert.Equal(t, restored+1, done.Instance.Epoch)
}
