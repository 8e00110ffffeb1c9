package replicas

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
)

// Ring are the encryption keys of this replica, as ports.KeyRing has them.
type Ring interface {
	Fingerprint() string
	Fingerprints() []string
	Use(fingerprint string)
}

// Announcer announces one replica. It is safe for concurrent use.
type Announcer struct {
	store     ports.Replicas
	self      ports.Replica
	ring      Ring
	alone     bool
	differing atomic.Pointer[[]ports.Replica]
	lacking   atomic.Pointer[[]ports.Replica]
	others    atomic.Int64
}

// New returns an announcer of this replica. Its keys are announced with it, and the one that
// encrypts is the first that all replicas have.
func New(store ports.Replicas, self ports.Replica, ring Ring) *Announcer {
	self.Keys = strings.Join(ring.Fingerprints(), ",")
	return &Announcer{store: store, self: self, ring: ring}
}

// Alone returns an announcer of a replica beside which no other one can serve: what else is
// announced was ended without a stop.
func Alone(store ports.Replicas, self ports.Replica, ring Ring) *Announcer {
	a := New(store, self, ring)
	a.alone = true
	return a
}

// Announce makes one announcement, and compares the other replicas with this one.
// After an error the last comparison, number and key stay.
func (a *Announcer) Announce(ctx context.Context) error {
	announced, err := a.announce(ctx)
	if err != nil {
		return err
	}
	if a.ring.Fingerprint() != announced { // the others are to know under which key this one encrypts
		_, err = a.announce(ctx)
	}
	return err
}

// announce makes one announcement, and returns the key that it has named.
func (a *Announcer) announce(ctx context.Context) (key string, err error) {
	self := a.self
	self.Current = a.ring.Fingerprint()
	others, err := a.store.Announce(ctx, self)
	if err != nil {
		return "", err
	}
	if a.alone {
		others = nil
	}
	a.others.Store(int64(len(others)))
	a.compare(others)
	a.chooseKey(others)
	return self.Current, nil
}

func (a *Announcer) compare(others []ports.Replica) {
	var differing []ports.Replica
	for _, other := range others {
		if other.Environments != a.self.Environments {
			differing = append(differing, other)
		}
	}
	a.differing.Store(&differing)
}

// chooseKey makes the key current that CurrentKey names.
func (a *Announcer) chooseKey(others []ports.Replica) {
	fingerprints := a.ring.Fingerprints()
	if len(fingerprints) == 0 {
		return
	}
	var lacking []ports.Replica
	rings := make([][]string, len(others))
	for i, other := range others {
		rings[i] = other.Ring()
		if !slices.Contains(rings[i], fingerprints[0]) {
			lacking = append(lacking, other)
		}
	}
	a.lacking.Store(&lacking)
	a.ring.Use(configuration.CurrentKey(fingerprints, rings))
}

// Serving returns how many replicas serve, this one included, by the last announcement that
// was stored. Before the first one it is this one alone.
func (a *Announcer) Serving() int { return int(a.others.Load()) + 1 }

// Leave withdraws the announcement, so that a stopped replica is not compared with
// later ones.
func (a *Announcer) Leave(ctx context.Context) error { return a.store.Leave(ctx, a.self.ID) }

// Conditions returns "environments_differ" while another replica supports other
// environments than this one: one of them accepts a request that the other rejects. It
// returns "encryption_keys_differ" while another replica lacks the first encryption key.
func (a *Announcer) Conditions() []ports.Condition {
	var list []ports.Condition
	if differing := a.differing.Load(); differing != nil && len(*differing) > 0 {
		other := (*differing)[0]
		list = append(list, ports.Condition{
			Name: "environments_differ",
			Message: fmt.Sprintf("SUPPORTED_ENVIRONMENTS is %q here and %q on replica %s (version %s). "+
				"Give all replicas the same value.", a.self.Environments, other.Environments, other.ID, other.Version),
			Count: int64(len(*differing)),
		})
	}
	if lacking := a.lacking.Load(); lacking != nil && len(*lacking) > 0 {
		other := (*lacking)[0]
		list = append(list, ports.Condition{
			Name: "encryption_keys_differ",
			Message: fmt.Sprintf("Replica %s (version %s) lacks the encryption key %s, the first one here; values are "+
				"encrypted under %s. Give all replicas the same ENCRYPTION_KEYS.",
				other.ID, other.Version, a.ring.Fingerprints()[0], a.ring.Fingerprint()),
			Count: int64(len(*lacking)),
		})
	}
	return list
}
