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

// LeaseStore is a lease store with its readings and members, and control of its clock.
type LeaseStore struct {
	registry.Leases
	registry.Readings
	registry.Members
	// Advance returns when the store's clock has advanced by at least d: it sets a stopped
	// one, and waits for a real one.
	Advance func(d time.Duration)
	// Epochs begins epochs of the feed.
	Epochs Epochs
}

// Leases tests implementations of registry.Leases, on empty ones that fresh returns.
func Leases(t *testing.T, fresh func(*testing.T) LeaseStore, without Without) {
	t.Helper()
	run(t, leasesSuite(), fresh, without)
}

func leasesSuite() []behaviour[LeaseStore] {
	return slices.Concat(grantingBehaviours(), renewingBehaviours(), dueBehaviours(), expiringBehaviours(),
		epochBehaviours())
}

// TTLs of these tests. With a real clock a brief lease has ended soon, a lasting one not
// within the test, and aWhile is long enough for some calls.
const (
	brief   = 20 * time.Millisecond
	aWhile  = 1500 * time.Millisecond
	lasting = time.Hour
)

// dueLimit is more than the leases of most tests.
const dueLimit = 100

// instance returns the key of an instance of the service shop.
func instance(t *testing.T, id string) registry.Key {
	t.Helper()
	return instanceOf(t, "shop", id)
}

func instanceOf(t *testing.T, service, id string) registry.Key {
	t.Helper()
	return keyIn(t, service, "production", id)
}

// keyIn returns the key of an instance in an environment.
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

// leaseKey is the key of a lease of the service shop.
func leaseKey(t *testing.T, id string, epoch registry.Epoch) registry.LeaseKey {
	t.Helper()
	return registry.LeaseKey{Key: instance(t, id), Epoch: epoch}
}

// heartbeat is a renewal without an observation.
func heartbeat(t *testing.T, id string, epoch registry.Epoch) registry.Renewal {
	t.Helper()
	return registry.Renewal{LeaseKey: leaseKey(t, id, epoch)}
}

// running is a grant of a lease that is removed twice its TTL after its end.
func running(lease registry.LeaseKey, ttl time.Duration) registry.Grant {
	return registry.Grant{LeaseKey: lease, TTL: ttl, Removal: 2 * ttl, URL: "http://10.0.0.1:8080"}
}

// expired is a grant of an expired lease that is removed after its TTL.
func expired(lease registry.LeaseKey, ttl time.Duration) registry.Grant {
	return registry.Grant{LeaseKey: lease, TTL: ttl, Removal: ttl, Expired: true}
}

// ifAbsent is a grant that leaves a lease of the same epoch as it is.
func ifAbsent(g registry.Grant) registry.Grant {
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

// due returns the due leases for the only replica of a test.
func (s LeaseStore) due(t *testing.T) registry.DueLeases {
	t.Helper()
	due, err := s.Due(t.Context(), "only", dueLimit)
	require.NoError(t, err)
	require.True(t, due.Elected)
	return due
}

// overdue returns the overdue leases as "id@epoch", in their order.
func (s LeaseStore) overdue(t *testing.T) string {
	t.Helper()
	return leasesText(s.due(t).Overdue)
}

// removable returns the removable leases as "id@epoch", in their order.
func (s LeaseStore) removable(t *testing.T) string {
	t.Helper()
	return leasesText(s.due(t).Removable)
}

// overdueLease waits for the end of a brief lease, and returns it as due.
func (s LeaseStore) overdueLease(t *testing.T, g registry.Grant) registry.Lease {
	t.Helper()
	s.grant(t, g)
	s.Advance(g.TTL)
	for _, l := range s.due(t).Overdue {
		if l.LeaseKey == g.LeaseKey {
			return l
		}
	}
	require.Fail(t, "a lease whose end has passed is not overdue")
	return registry.Lease{}
}

func (s LeaseStore) expire(t *testing.T, leases ...registry.Lease) []bool {
	t.Helper()
	done, err := s.Expire(t.Context(), leases...)
	require.NoError(t, err)
	require.Len(t, done, len(leases))
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
