package httpprobe_test

import (
	"net/netip"
	"testing"

	"github.com/signalbox-hq/signalbox/adapters/httpprobe"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/test/contract"
)

func TestProber(t *testing.T) {
	t.Parallel()
	contract.Prober(t, func(*testing.T) health.Prober {
		return httpprobe.New(httpprobe.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
	})
}
