package health_test

import (
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// claim returns the claim of a service at a place of its own.
func claim(service string, n int) health.Claim {
	return health.Claim{Service: service, Place: service + strconv.Itoa(n), Prompt: true}
}

// take claims many more slots than there are, and returns how many it got.
func take(s *health.Slots, claim func(n int) health.Claim) int {
	taken := 0
	for n := range 1000 {
		if s.Take(claim(n)) {
			taken++
		}
	}
	return taken
}

func TestSlots(t *testing.T) {
	t.Parallel()

	t.Run("many services take all slots, and no more", func(t *testing.T) {
		t.Parallel()
		s := &health.Slots{}
		assert.Equal(t, health.MaxChecks, take(s, func(n int) health.Claim { return claim(strconv.Itoa(n), 0) }))
	})

	t.Run("one service takes half of them, two a third each, and another still gets some", func(t *testing.T) {
		t.Parallel()
		s := &health.Slots{}
		assert.Equal(t, 32, take(s, func(n int) health.Claim { return claim("a", n) }))
		assert.Equal(t, 16, take(s, func(n int) health.Claim { return claim("b", n) }))
		for n := range 10 {
			assert.True(t, s.Take(claim("service-"+strconv.Itoa(n), 0)))
		}
	})

	t.Run("one registrant takes three quarters, under however many names of services", func(t *testing.T) {
		t.Parallel()
		s := &health.Slots{}
		of := func(source string) func(n int) health.Claim {
			return func(n int) health.Claim {
				c := claim(source+strconv.Itoa(n), 0)
				c.Source = netip.MustParseAddr(source)
				return c
			}
		}
		assert.Equal(t, 48, take(s, of("10.0.0.1")))
		assert.Equal(t, 12, take(s, of("10.0.0.2")))
		assert.Equal(t, 4, take(s, func(n int) health.Claim { return claim(strconv.Itoa(n), 0) }))
	})

	t.Run("checks that are not known to be prompt take half", func(t *testing.T) {
		t.Parallel()
		s := &health.Slots{}
		assert.Equal(t, 32, take(s, func(n int) health.Claim {
			return health.Claim{Service: strconv.Itoa(n), Place: strconv.Itoa(n)}
		}))
		assert.True(t, s.Take(claim("a", 0)))
	})

	t.Run("one place is checked four times at once, for any services", func(t *testing.T) {
		t.Parallel()
		s := &health.Slots{}
		assert.Equal(t, 4, take(s, func(n int) health.Claim {
			return health.Claim{Service: strconv.Itoa(n), Place: "10.0.0.1", Prompt: true}
		}))
	})

	t.Run("a released slot can be claimed again, and leaves no state", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			s, held := &health.Slots{}, []health.Claim{}
			for range rapid.IntRange(0, 200).Draw(rt, "steps") {
				if len(held) > 0 && rapid.Bool().Draw(rt, "release") {
					s.Release(held[0])
					held = held[1:]
					continue
				}
				c := claim(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "service"), rapid.IntRange(0, 30).Draw(rt, "place"))
				c.Prompt = rapid.Bool().Draw(rt, "prompt")
				if s.Take(c) {
					held = append(held, c)
				}
			}
			for _, c := range held {
				s.Release(c)
			}
			assert.Equal(rt, 32, take(s, func(n int) health.Claim { return claim("a", n) }))
		})
	})
}

func TestPlace(t *testing.T) {
	t.Parallel()
	one := netip.MustParseAddr("10.0.0.1")
	for _, spelling := range []struct {
		host    string
		dialled netip.Addr
	}{
		{"10.0.0.1", netip.Addr{}},
		{"::ffff:10.0.0.1", netip.Addr{}},
		{"::FFFF:a00:1", netip.Addr{}},
		{"0:0:0:0:0:ffff:0a00:0001", netip.Addr{}},
		{"10.1", one},
		{"0x0a.1", one},
		{"167772161", one},
		{"Shop.Example.", netip.MustParseAddr("::ffff:10.0.0.1")},
		{"10.0.0.2", one},
	} {
		assert.Equal(t, "10.0.0.1", health.Place(spelling.host, spelling.dialled), spelling.host)
	}
	for _, host := range []string{"shop.example", "SHOP.example", "shop.example.", "shop.example.."} {
		assert.Equal(t, "shop.example", health.Place(host, netip.Addr{}))
	}
	assert.Equal(t, health.Place("fd00::1%eth0", netip.Addr{}), health.Place("FD00::0:1", netip.Addr{}))
}
