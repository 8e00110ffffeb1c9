package contract

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// LeaseStore is a store of leases with what lives beside them, and a hold on its
// time.
type LeaseStore struct {
	registry.Leases
	registry.Readings
	registry.Members
	// Advance returns when the store's time, and that of its readings, is at least so
	// much later: it moves a stopped one, and waits for one that runs.
	Advance func(d time.Duration)
	// Epochs has another epoch of the feed begin.
	Epochs Epochs
}

// Leases holds a store to registry.Leases, on empty ones that fresh returns.
func Leases(t *testing.T, fresh func(*testing.T) LeaseStore, without Without) {
	t.Helper()
	run(t, leasesSuite(), fresh, without)
}

func leasesSuite() []behaviour[LeaseStore] {
	return slices.Concat(grantingBehaviours(), renewingBehaviours(), sweepingBehaviours(), endingBehaviours(),
		epochBehaviours())
}

// How long leases of these tests run. Where a store's time cannot be stopped, a
// brief one has ended soon, a lasting one not within the test, and a while is
// long enough to do something within.
const (
	brief   = 20 * time.Millisecond
	aWhile  = 1500 * time.Millisecond
	lasting = time.Hour
)

// sweepLimit is more than most tests have leases.
const sweepLimit = 100

// instance names one of the service shop.
func instance(t *testing.T, id string) registry.Key {
	t.Helper()
	return instanceOf(t, "shop", id)
}

func instanceOf(t *testing.T, service, id string) registry.Key {
	t.Helper()
	return keyIn(t, service, "production", id)
}

// keyIn names an instance in an environment.
func keyIn(t *testing.T, service, environment, id string) registry.Key {
	t.Helper()
	name, err := scope.ParseServiceName(service)
	require.NoError(t, err)
	e, err := scope.ParseEnvironment(environment)
	require.NoError(t, err)
	i, err := registry.ParseInstanceID(id)
	require.NoError(t, err)
	return registry.Key{Service: name, Ref: registry.Ref{Environment: e, Instance: i}}
}

// held is a lease of an instance of the service shop.
func held(t *testing.T, id string, epoch registry.Epoch) registry.LeaseKey {
	t.Helper()
	return registry.LeaseKey{Key: instance(t, id), Epoch: epoch}
}

// heartbeat is a renewal that says nothing else.
func heartbeat(t *testing.T, id string, epoch registry.Epoch) registry.Renewal {
	t.Helper()
	return registry.Renewal{LeaseKey: held(t, id, epoch)}
}

// running grants a lease that is removed twice its TTL after its end.
func running(lease registry.LeaseKey, ttl time.Duration) registry.Grant {
	return registry.Grant{LeaseKey: lease, TTL: ttl, Removal: 2 * ttl, URL: "http://10.0.0.1:8080"}
}

// ended grants a lease that has ended, and is removed after its TTL.
func ended(lease registry.LeaseKey, ttl time.Duration) registry.Grant {
	return registry.Grant{LeaseKey: lease, TTL: ttl, Removal: ttl, Expired: true}
}

// keeping is a grant that leaves a lease of the same epoch as it is.
func keeping(g registry.Grant) registry.Grant {
	g.IfAbsent = true
	return g
}

func (s LeaseStore) grant(t *testing.T, grants ...registry.Grant) {
	t.Helper()
	require.NoError(t, s.Grant(t.Context(), grants...))
}

func (s LeaseStore) renew(t *testing.T, renewals ...registry.Renewal) []registry.Renewed {
	t.Helper()
	renewed, err := s.Renew(t.Context(), renewals...)
	require.NoError(t, err)
	require.Len(t, renewed, len(renewals))
	return renewed
}

// sweep makes the sweep of the only sweeper of a test.
func (s LeaseStore) sweep(t *testing.T) registry.DueLeases {
	t.Helper()
	swept, err := s.Due(t.Context(), "only", sweepLimit)
	require.NoError(t, err)
	require.True(t, swept.Elected)
	return swept
}

// overdue returns the overdue leases as "id@epoch", in their order.
func (s LeaseStore) overdue(t *testing.T) string {
	t.Helper()
	return leasesText(s.sweep(t).Overdue)
}

// removable returns the leases that are to be removed as "id@epoch", in their order.
func (s LeaseStore) removable(t *testing.T) string {
	t.Helper()
	return leasesText(s.sweep(t).Removable)
}

// found lets a brief lease run out and returns what a sweep says of it.
func (s LeaseStore) found(t *testing.T, g registry.Grant) registry.Lease {
	t.Helper()
	s.grant(t, g)
	s.Advance(g.TTL)
	for _, l := range s.sweep(t).Overdue {
		if l.LeaseKey == g.LeaseKey {
			return l
		}
	}
	require.Fail(t, "a lease whose end has passed is not overdue")
	return registry.Lease{}
}

func (s LeaseStore) end(t *testing.T, endings ...registry.Lease) []bool {
	t.Helper()
	done, err := s.Expire(t.Context(), endings...)
	require.NoError(t, err)
	require.Len(t, done, len(endings))
	return done
}

func leasesText(leases []registry.Lease) string {
	texts := make([]string, len(leases))
	for i, l := range leases {
		texts[i] = l.Instance.String() + "@" + string(rune('0'+l.Epoch))
	}
	return strings.Join(texts, " ")
}

func assertOutcome(t *testing.T, want registry.Outcome, renewed []registry.Renewed) {
	t.Helper()
	for _, r := range renewed {
		assert.Equal(t, want, r.Outcome)
		if want != registry.LeaseRenewed {
			assert.Equal(t, registry.Renewed{Outcome: want}, r)
		}
	}
}
