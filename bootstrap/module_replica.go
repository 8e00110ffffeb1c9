package bootstrap

import (
	"slices"
	"strings"
	"time"

	"go.uber.org/fx"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/application/replicas"
	"github.com/signalbox-hq/signalbox/bootstrap/loop"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/ports"
)

// Interval and timeout of a replica's announcements.
const (
	announceEvery   = ports.ReplicaTerm / 3
	announceTimeout = 5 * time.Second
)

// replicaModule announces this replica to the others on the same database.
func replicaModule() fx.Option {
	return fx.Module("replica",
		fx.Provide(fx.Annotate(feedstore.NewReplicas, fx.As(new(ports.Replicas))), newAnnouncer),
		conditions(func(a *replicas.Announcer) ports.Conditions { return a.Conditions }),
		fx.Invoke(runAnnouncer),
	)
}

func newAnnouncer(
	s settings.Settings, version Version, ids ports.IDs, store ports.Replicas, ring ports.KeyRing,
) *replicas.Announcer {
	var names []string
	for _, e := range s.Policy().All() {
		names = append(names, e.String())
	}
	slices.Sort(names) // the order of the setting does not matter
	self := ports.Replica{ID: ids.UUID(), Version: string(version), Environments: strings.Join(names, ",")}
	if s.Database.SQLite != "" {
		return replicas.Alone(store, self, ring)
	}
	return replicas.New(store, self, ring)
}

// runAnnouncer announces this replica until the stop, first before it serves: which key
// encrypts depends on the others. A SQLite file has one replica, which announces its keys for
// commands on the file.
func runAnnouncer(
	lc fx.Lifecycle, s settings.Settings, reporter *loop.Reporter, announcer *replicas.Announcer, ring ports.KeyRing,
) {
	if s.Database.SQLite != "" && len(ring.Fingerprints()) == 0 {
		return
	}
	lc.Append(fx.StartStopHook(announcer.Announce, announcer.Leave))
	runLoops(lc, reporter, nil, loop.Loop{
		Every: announceEvery, Timeout: announceTimeout, Step: loop.Once(announcer.Announce),
		Failing: "replica announcement failed", Recovered: "replica announcement recovered",
	})
}
