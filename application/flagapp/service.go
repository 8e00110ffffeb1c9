package flagapp

import (
	"crypto/sha256"
	"time"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/application/readthrough"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Dependencies is what the use cases need.
type Dependencies struct {
	Flags     flag.Repository
	History   flag.History
	Source    flag.Source
	Clock     ports.Clock
	Stopwatch ports.Stopwatch
	// Feed returns since when changes may not have been delivered to Apply.
	Feed readthrough.Feed
	// Memory caches the flags that are read most, one by one.
	Memory ports.LocalCache[flag.Locator, *Entry]
	// Shared is nil where replicas share nothing; its values live for Lifetime at most.
	Shared       ports.SharedCache[flag.Locator, flag.State]
	Lifetime     time.Duration
	IDs          ports.IDs
	Backoff      ports.Backoff
	Environments scope.Environments
}

// Service offers the use cases. It is safe for concurrent use. Evaluation answers
// fault.ErrUnavailable before the first Refresh.
type Service struct {
	deps      Dependencies
	writer    change.Writer[flag.ID, *flag.Flag]
	snapshots snapshots
	cache     *readthrough.Cache[flag.Locator, flag.State]
}

// New returns the use cases over their dependencies.
func New(d Dependencies) *Service {
	s := &Service{deps: d, cache: readthrough.New(readthrough.Options[flag.Locator, flag.State]{
		Local: d.Memory, Shared: d.Shared, Lifetime: d.Lifetime, Feed: d.Feed, Stopwatch: d.Stopwatch,
		Event: func(s flag.State) string { return s.Event },
		Size: func(s flag.State) int {
			if s.Definition == nil {
				return 0
			}
			return 3 * len(s.Definition.JSON())
		},
	})}
	s.writer = change.Writer[flag.ID, *flag.Flag]{
		Find: d.Flags.Find, Save: s.save, Action: access.WriteFlag, Sight: access.ReadFlag,
		NotFound: flag.ErrNotFound, Backoff: d.Backoff,
		Resource: func(f *flag.Flag) access.Resource { return resourceOf(f.Identity()) },
	}
	s.snapshots.refresher = freshness.NewRefresher(d.Stopwatch.Elapsed, refreshTimeout, s.Refresh)
	return s
}

func resourceOf(i flag.Identity) access.Resource {
	return access.Resource{Environment: i.Environment, Name: i.Name.String()}
}

// salt returns 16 random bytes.
func (s *Service) salt() string {
	const enoughForEveryBit = 43
	sum := sha256.Sum256([]byte(s.deps.IDs.Base62(enoughForEveryBit)))
	return string(sum[:flag.SaltBytes])
}
