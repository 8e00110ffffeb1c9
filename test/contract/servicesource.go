package contract

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/fixture"
)

func sourceAlone(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a")
	r := fixture.Registration(t, "a")
	for _, source := range []netip.Addr{netip.MustParseAddr("10.0.0.1"), {}} {
		r.Source = source
		_, err := service.Register(r, fixture.Stamp())
		require.NoError(t, err)
		s.save(t, service)
		assert.Equal(t, source, s.find(t, "shop", "a").Instances()[0].Source)
	}
}
