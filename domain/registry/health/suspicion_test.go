package health_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

const shop = "shop"

// watched returns a suspicion with that many passing places of the shop.
func watched(places int) *health.Suspicion {
	d := &health.Suspicion{}
	turn(d, places, true, 0)
	return d
}

// turn adds the same result of the first places of the shop.
func turn(d *health.Suspicion, places int, passed bool, at time.Duration) {
	for n := range places {
		d.Add(shop, "host-"+strconv.Itoa(n), passed, at)
	}
}

// turnServices adds the same result of the first services, each at a place of its own.
func turnServices(d *health.Suspicion, services int, passed bool, at time.Duration) {
	for n := range services {
		d.Add("service-"+strconv.Itoa(n), "place-"+strconv.Itoa(n), passed, at)
	}
}

func TestSuspicion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		all, failing int
		suspected    bool
	}{
		"three of ten are 30 %":             {10, 3, true},
		"three of eleven are less":          {11, 3, false},
		"two are too few, also of two":      {2, 2, false},
		"all of three":                      {3, 3, true},
		"none fails, and none is suspected": {10, 0, false},
	} {
		t.Run(name+": places of one service", func(t *testing.T) {
			t.Parallel()
			d := watched(c.all)
			turn(d, c.failing, false, time.Second)
			assert.Equal(t, c.suspected, d.Of(shop, time.Second))
		})
		t.Run(name+": services", func(t *testing.T) {
			t.Parallel()
			d := &health.Suspicion{}
			turnServices(d, c.all, true, 0)
			turnServices(d, c.failing, false, time.Second)
			assert.Equal(t, c.suspected, d.Of("service-0", time.Second))
			assert.Equal(t, c.suspected, d.Of("another", time.Second))
			assert.Equal(t, c.suspected, d.Whole(time.Second))
		})
	}

	t.Run("a place that never passed is no witness", func(t *testing.T) {
		t.Parallel()
		d := &health.Suspicion{}
		turn(d, 10, false, 0)
		assert.False(t, d.Of(shop, 0))
		assert.False(t, d.Whole(0))
	})

	t.Run("one place that fails often is one", func(t *testing.T) {
		t.Parallel()
		d := watched(3)
		for n := range 10 {
			d.Add(shop, "host-0", false, time.Duration(n)*time.Second)
		}
		assert.False(t, d.Of(shop, 10*time.Second))
	})

	t.Run("however many places of another service fail, that is one witness", func(t *testing.T) {
		t.Parallel()
		d := watched(50)
		d.Add("cart", "cart-1", true, 0)
		turn(d, 50, false, time.Second)
		d.Add("cart", "cart-1", false, time.Second)
		assert.False(t, d.Of("cart", time.Second))
		assert.True(t, d.Of(shop, time.Second), "its own places are its own evidence")
	})

	t.Run("however many services fail at one place, that is one witness", func(t *testing.T) {
		t.Parallel()
		d := &health.Suspicion{}
		for _, passed := range []bool{true, false} {
			for n := range 50 {
				d.Add("service-"+strconv.Itoa(n), "place", passed, 0)
			}
			d.Add("cart", "cart-1", passed, 0)
			d.Add("carts", "place", passed, 0)
		}
		assert.False(t, d.Of("cart", 0))
		assert.False(t, d.Of("carts", 0), "the place is the service's own already")
		assert.False(t, d.Whole(0))
	})

	t.Run("one service does not make the replica leave its checks to others", func(t *testing.T) {
		t.Parallel()
		d := watched(50)
		d.Add("cart", "cart-1", true, 0)
		turn(d, 50, false, time.Second)
		assert.False(t, d.Whole(time.Second))
	})

	t.Run("but the only one does", func(t *testing.T) {
		t.Parallel()
		d := watched(10)
		turn(d, 3, false, time.Second)
		assert.True(t, d.Whole(time.Second))
	})

	t.Run("it ends when they pass again", func(t *testing.T) {
		t.Parallel()
		d := watched(4)
		turn(d, 4, false, time.Second)
		assert.True(t, d.Of(shop, time.Second))
		turn(d, 2, true, 2*time.Second)
		assert.False(t, d.Of(shop, 2*time.Second))
	})

	t.Run("it ends after a while, however often they fail", func(t *testing.T) {
		t.Parallel()
		d := watched(4)
		for s := range 700 {
			turn(d, 4, false, time.Duration(s+1)*time.Second)
		}
		assert.False(t, d.Of(shop, time.Second+health.SuspicionFor+time.Second))
		assert.False(t, d.Whole(time.Second+health.SuspicionFor+time.Second))
	})

	t.Run("places that are no longer checked are forgotten", func(t *testing.T) {
		t.Parallel()
		d := watched(4)
		turn(d, 4, false, time.Second)
		assert.False(t, d.Of(shop, time.Second+health.SuspicionFor+time.Second))
	})

	t.Run("it counts as if it counted from the beginning", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			d := &health.Suspicion{}
			last := map[[2]string]bool{}
			for range rapid.IntRange(0, 60).Draw(rt, "results") {
				key := [2]string{
					rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "service"),
					rapid.SampledFrom([]string{"1", "2", "3", "4", "5"}).Draw(rt, "place"),
				}
				passed := rapid.Bool().Draw(rt, "passed")
				d.Add(key[0], key[1], passed, 0)
				if _, known := last[key]; known || passed {
					last[key] = passed
				}
			}
			fresh := &health.Suspicion{}
			for key, passed := range last {
				fresh.Add(key[0], key[1], true, 0)
				fresh.Add(key[0], key[1], passed, 0)
			}
			for _, service := range []string{"a", "b", "c", "d", "other"} {
				assert.Equal(rt, fresh.Of(service, 0), d.Of(service, 0), service)
			}
			assert.Equal(rt, fresh.Whole(0), d.Whole(0))
		})
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

	t.Run("the order of the replicas has no influence", func(t *testing.T) {
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
