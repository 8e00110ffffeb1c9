package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// inStaging sees staging alone.
func inStaging(e scope.Environment) bool { return e.String() == "staging" }

func TestSight(t *testing.T) {
	t.Parallel()
	production, staging := environment(t, "production"), environment(t, "staging")
	state := registry.State{Attributes: registry.Attributes{
		Name:    shop(t),
		Details: registry.Details{URL: *whole(t, "http://shop:8080").URL},
		Protections: []registry.Protection{
			{Environment: production, Since: time.Unix(1, 0)}, {Environment: staging, Since: time.Unix(2, 0)},
		},
	}}

	t.Run("without narrowing a state is complete", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, state, state.Narrowed(nil, []scope.Environment{production, staging}))
	})

	t.Run("details are seen where each environment is, protections where theirs is", func(t *testing.T) {
		t.Parallel()
		alone := state.Narrowed(inStaging, []scope.Environment{staging, staging})
		assert.Equal(t, state.Details, alone.Details)
		assert.Equal(t, state.Protections[1:], alone.Protections)
		both := state.Narrowed(inStaging, []scope.Environment{production, staging})
		assert.Equal(t, registry.Details{}, both.Details)
		assert.Equal(t, state.Protections[1:], both.Protections)
		assert.Len(t, state.Protections, 2, "the state itself is as it was")
	})

	t.Run("what is out of sight is neither located nor named", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		register(t, s, lease(t, "a"))
		register(t, s, leaseIn(t, "staging"))
		i, err := s.Locate(scope.Environment{}, id(t, "a"), inStaging)
		require.NoError(t, err)
		assert.Equal(t, staging, i.Environment)
		_, err = s.Locate(production, id(t, "a"), inStaging)
		require.ErrorIs(t, err, registry.ErrInstanceNotFound)
		_, err = s.Holder(id(t, "a"), 9, inStaging)
		require.ErrorIs(t, err, registry.ErrLeaseLost)
		assert.Empty(t, listed(err))
		_, err = s.Holder(id(t, "a"), 9, func(scope.Environment) bool { return false })
		require.ErrorIs(t, err, registry.ErrInstanceNotFound)
	})
}

func TestRedescribed(t *testing.T) {
	t.Parallel()
	s := registry.New(shop(t))
	first := whole(t, "http://shop:8080")
	assert.Nil(t, s.Redescribed(first), "a new service has nothing to share")
	assert.Equal(t, "production", s.Place(first).String())
	register(t, s, first)
	assert.Nil(t, s.Redescribed(first))
	assert.Nil(t, s.Redescribed(lease(t, "a")), "an instance describes itself")
	second := whole(t, "http://shop:9090")
	second.HealthCheck = second.URL
	metadata, err := registry.ParseMetadata([]byte(`{"a":"b"}`))
	require.NoError(t, err)
	second.Metadata = &metadata
	assert.Equal(t, []string{"service_url", "health_check_url", "metadata"}, s.Redescribed(second))
	second.Environment = new(environment(t, "staging"))
	assert.Equal(t, "staging", s.Place(second).String())

	register(t, s, lease(t, "a"))
	assert.Zero(t, s.Place(whole(t, "http://shop:8080")), "no default instance is made beside others")
	assert.Equal(t, "production", s.Place(lease(t, "b")).String())
}

func TestADefaultInstanceHasNothingOfAnother(t *testing.T) {
	t.Parallel()
	s := registry.New(shop(t))
	first := whole(t, "http://shop:8080")
	metadata, err := registry.ParseMetadata([]byte(`{"a":"b"}`))
	require.NoError(t, err)
	first.Metadata, first.HealthCheck = &metadata, first.URL
	register(t, s, first)
	second := whole(t, "http://shop:8080")
	second.Environment = new(environment(t, "staging"))
	register(t, s, second)
	i, err := s.Locate(*second.Environment, registry.InstanceID{}, nil)
	require.NoError(t, err)
	assert.Equal(t, "{}", i.Metadata.JSON())
	assert.True(t, i.HealthCheck.IsZero())
	assert.JSONEq(t, `{"a":"b"}`, s.State().Metadata.JSON())
}
