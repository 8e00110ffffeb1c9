package bootstrap

import (
	"slices"
	"strings"
	"time"

	"go.uber.org/fx"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/application/replicas"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/ports"
)

// How often a replica announces itself, and how long that may take.
const (
	announceEvery   = ports.ReplicaTerm / 3
	announceTimeout = 5 * time.Second
)

func newAnnouncer(s settings.Settings, version Version, ids ports.IDs, store ports.Replicas) *replicas.Announcer {
	var names []string
	for _, e := range s.Policy().All() {
		names = append(names, e.String())
	}
	// The order does not matter.
	slices.Sort(names)
	return replicas.New(store, ports.Replica{
		ID: ids.UUID(), Version: string(version), Environments: strings.Join(names, ","),
	})
}

// keepAnnouncing announces this replica to the others. A SQLite file has one.
func keepAnnouncing(lc fx.Lifecycle, s settings.Settings, log *loopLog, announcer *replicas.Announcer) {
	if s.Database.SQLite != "" {
		return
	}
	lc.Append(fx.StopHook(announcer.Leave))
	runLoops(lc, log, nil, loop{
		every: announceEvery, timeout: announceTimeout, wake: rung(), step: once(announcer.Announce),
		failing: "replica announcement failed: other replicas do not see this one",
		working: "replica announcement resumed",
	})
}

// rung is a bell that was rung once, so that a loop makes its first step at once.
func rung() bell {
	b := make(bell, 1)
	b.ring()
	return b
}

func storeConditions(store *bunstore.Store) ports.Conditions { return store.Conditions }

func loopConditions(log *loopLog) ports.Conditions { return log.Conditions }

func replicaConditions(announcer *replicas.Announcer) ports.Conditions { return announcer.Conditions }
