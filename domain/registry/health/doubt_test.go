package health_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// watched returns a doubt that has seen that many hosts pass.
func watched(hosts int) *health.Doubt {
	d := &health.Doubt{}
	turn(d, hosts, true, 0)
	return d
}

// turn takes in the same result of the first hosts.
func turn(d *health.Doubt, hosts int, passed bool, at time.Duration) {
	for n := range hosts {
		d.Add("host-"+strconv.Itoa(n), passed, at)
	}
}

func TestDoubt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hosts, failing int
		doubtful       bool
	}{
		"three of ten are 30 %":              {10, 3, true},
		"three of eleven are less":           {11, 3, false},
		"two are too few, also of two":       {2, 2, false},
		"all of three":                       {3, 3, true},
		"none fails, and nothing is doubted": {10, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := watched(c.hosts)
			turn(d, c.failing, false, time.Second)
			assert.Equal(t, c.doubtful, d.Doubtful(time.Second))
		})
	}

	t.Run("hosts that never passed say nothing", func(t *testing.T) {
		t.Parallel()
		d := &health.Doubt{}
		turn(d, 10, false, 0)
		assert.False(t, d.Doubtful(0))
	})

	t.Run("one host that fails often is one", func(t *testing.T) {
		t.Parallel()
		d := watched(3)
		for n := range 10 {
			d.Add("host-0", false, time.Duration(n)*time.Second)
		}
		assert.False(t, d.Doubtful(10*time.Second))
	})

	t.Run("it ends when they pass again", func(t *testing.T) {
		t.Parallel()
		d := watched(4)
		turn(d, 4, false, time.Second)
		assert.True(t, d.Doubtful(time.Second))
		turn(d, 2, true, 2*time.Second)
		assert.False(t, d.Doubtful(2*time.Second))
	})

	t.Run("it ends after a while, however often they fail", func(t *testing.T) {
		t.Parallel()
		d := watched(4)
		for s := range 700 {
			turn(d, 4, false, time.Duration(s+1)*time.Second)
		}
		assert.False(t, d.Doubtful(time.Second+health.DoubtFor+time.Second))
	})

	t.Run("hosts that are no longer checked are forgotten", func(t *testing.T) {
		t.Parallel()
		d := watched(4)
		turn(d, 4, false, time.Second)
		assert.False(t, d.Doubtful(time.Second+health.DoubtFor+time.Second))
	})
}

func TestOwner(t *testing.T) {
	t.Parallel()
	const keys = 10_000
	replicas := []string{"a", "b", "c", "d"}
	owners := map[string]string{}
	shares := map[string]int{}
	for n := range keys {
		key := "shop/i-" + strconv.Itoa(n)
		owners[key] = health.Owner(key, replicas)
		shares[owners[key]]++
	}

	t.Run("all get their share", func(t *testing.T) {
		t.Parallel()
		for _, r := range replicas {
			assert.InDelta(t, keys/4, shares[r], keys/40)
		}
	})

	t.Run("the order in which replicas are named says nothing", func(t *testing.T) {
		t.Parallel()
		for key, owner := range owners {
			assert.Equal(t, owner, health.Owner(key, []string{"d", "b", "a", "c"}))
		}
	})

	t.Run("one that leaves moves its own checks alone", func(t *testing.T) {
		t.Parallel()
		for key, owner := range owners {
			if now := health.Owner(key, replicas[:3]); owner != "d" {
				assert.Equal(t, owner, now)
			}
		}
	})

	t.Run("without replicas there is none", func(t *testing.T) {
		t.Parallel()
		assert.Empty(t, health.Owner("a", nil))
	})
}
