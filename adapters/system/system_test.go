package system_test

import (
	"testing"

	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
)

func TestClock(t *testing.T) {
	t.Parallel()
	contract.Clock(t, func(*testing.T) ports.Clock { return system.NewClock() })
}

func TestIDs(t *testing.T) {
	t.Parallel()
	contract.IDs(t, func(*testing.T) ports.IDs { return system.NewIDs() })
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	contract.Backoff(t, func(*testing.T) ports.Backoff { return system.NewBackoff() })
}
