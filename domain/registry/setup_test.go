package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

func stamp() scope.Stamp { return stampAt(0) }

// stampAt returns a stamp that many seconds after noon.
func stampAt(seconds int) scope.Stamp {
	noon := time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)
	return scope.Stamp{
		By: scope.Actor{KeyID: "deploy01", Name: "deploy"}, At: noon.Add(time.Duration(seconds) * time.Second), RequestID: "r",
	}
}

func shop(tb testing.TB) scope.ServiceName {
	tb.Helper()
	n, err := registry.ParseName("shop")
	require.NoError(tb, err)
	return n
}

func id(tb testing.TB, text string) registry.InstanceID {
	tb.Helper()
	i, err := registry.ParseInstanceID(text)
	require.NoError(tb, err)
	return i
}

// ref names an instance in production.
func ref(tb testing.TB, text string) registry.Ref {
	tb.Helper()
	return registry.Ref{Environment: production(tb), Instance: id(tb, text)}
}

func production(tb testing.TB) scope.Environment {
	tb.Helper()
	e, err := scope.ParseEnvironment("production")
	require.NoError(tb, err)
	return e
}

func address(tb testing.TB, text string) *registry.URL {
	tb.Helper()
	u, err := registry.ParseURL("service_url", text)
	require.NoError(tb, err)
	return &u
}

// whole registers a service without an instance.
func whole(tb testing.TB, url string) registry.Registration {
	tb.Helper()
	return registry.Registration{URL: address(tb, url), Fallback: production(tb)}
}

// lease registers an instance, with a TTL of 30 seconds.
func lease(tb testing.TB, instance string) registry.Registration {
	tb.Helper()
	r := whole(tb, "http://"+instance+":8080")
	r.Instance = id(tb, instance)
	return r
}

// registered returns a service that was saved with those instances.
func registered(tb testing.TB, instances ...string) *registry.Service {
	tb.Helper()
	s := registry.New(shop(tb))
	for _, i := range instances {
		register(tb, s, lease(tb, i))
	}
	s.MarkSaved(1, "")
	return s
}

func register(tb testing.TB, s *registry.Service, r registry.Registration) registry.Registered {
	tb.Helper()
	done, err := s.Register(r, stamp())
	require.NoError(tb, err)
	return done
}

func find(tb testing.TB, s *registry.Service, instance string) *registry.Instance {
	tb.Helper()
	i, err := s.Instance(ref(tb, instance))
	require.NoError(tb, err)
	return i
}

// held returns the lease of instance a.
func held(tb testing.TB, s *registry.Service) registry.LeaseKey {
	tb.Helper()
	return registry.LeaseKey{
		Key: registry.Key{Service: s.State().Name, Ref: ref(tb, "a")}, Epoch: find(tb, s, "a").Epoch,
	}
}

// kinds returns the types of the events that are not saved, and checks that their
// versions have no gap.
func kinds(tb testing.TB, s *registry.Service) []string {
	tb.Helper()
	var list []string
	events := s.PendingEvents()
	last := int64(s.State().Version)
	for i, e := range events {
		envelope := e.Envelope()
		list = append(list, envelope.Type)
		require.Equal(tb, last-int64(len(events)-1-i), envelope.AggregateVersion)
		require.Equal(tb, registry.AggregateType, envelope.AggregateType)
	}
	return list
}
