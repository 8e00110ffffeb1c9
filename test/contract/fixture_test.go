package contract_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// The doubles that other tests rely on are tested by the contracts too.

func TestStoreInMemory(t *testing.T) {
	t.Parallel()
	contract.Repository(t, func(*testing.T) contract.Stored {
		store := fixture.NewStore()
		return contract.Stored{Repository: store, History: store, Outbox: outbox(store.Outbox), Damage: contract.Damage{
			Row: store.Damage, Version: store.DamageVersion,
		}}
	}, contract.WithoutCommits())
}

func TestReplicasInMemory(t *testing.T) {
	t.Parallel()
	contract.Replicas(t, func(*testing.T) contract.Announced {
		store := fixture.NewReplicas()
		return contract.Announced{Replicas: store, Age: store.Age}
	}, nil)
}

func TestLimitClaimsInMemory(t *testing.T) {
	t.Parallel()
	contract.LimitClaims(t, func(*testing.T) ports.LimitClaims { return fixture.NewLimitClaims() }, nil)
}

func TestBacklogInMemory(t *testing.T) {
	t.Parallel()
	contract.AuditBacklog(t, func(*testing.T) contract.Backlog {
		b := contract.Backlog{AuditBacklog: fixture.NewBacklog(10), Full: 11}
		b.Reopen = func(*testing.T) contract.Backlog { return b }
		return b
	}, nil)
}

func TestFlagsInMemory(t *testing.T) {
	t.Parallel()
	contract.Flags(t, func(*testing.T) contract.StoredFlags {
		store := fixture.NewFlags()
		return contract.StoredFlags{Repository: store, History: store, Source: store, Outbox: outbox(store.Outbox), Damage: contract.Damage{
			Row: store.Damage, Version: store.DamageVersion,
		}}
	}, contract.WithoutCommits())
}

func TestServicesInMemory(t *testing.T) {
	t.Parallel()
	contract.Services(t, func(*testing.T) contract.StoredServices {
		store := fixture.NewServices()
		return contract.StoredServices{Repository: store, History: store, Source: store, Outbox: outbox(store.Outbox), Damage: contract.Damage{
			Row: store.Damage, Instance: store.DamageInstance, Transitions: store.DamageTransitions,
		}}
	}, contract.WithoutCommits())
}

// outbox shows what a double has published as rows of an outbox.
func outbox(published func() []fixture.Published) func(context.Context) ([]contract.Event, error) {
	return func(context.Context) ([]contract.Event, error) {
		var events []contract.Event
		for i, e := range published() {
			events = append(events, contract.Event{
				ID: strconv.Itoa(i), Type: e.Type, AggregateType: e.AggregateType, AggregateID: e.AggregateID,
				AggregateVersion: e.AggregateVersion, Environment: e.Environment, ServiceName: e.ServiceName,
				Data: fmt.Sprint(e.Data, e.Stamp),
			})
		}
		return events, nil
	}
}

func TestKeysInMemory(t *testing.T) {
	t.Parallel()
	contract.Keys(t, func(*testing.T) access.Keys { return fixture.NewKeys() }, nil)
	contract.Trust(t, func(*testing.T) contract.TrustStore {
		keys := fixture.NewKeys()
		trusted := fixture.NewTrust(keys)
		return contract.TrustStore{Trust: trusted, Keys: keys}
	}, nil)
	contract.AuditTrail(t, func(*testing.T) contract.AuditStore {
		trail, n := fixture.NewTrail(), int64(0)
		return contract.AuditStore{AuditTrail: trail, Change: func(*testing.T) {
			n++
			trail.Put(ports.Change{Revision: n, EventType: "configuration.created", OccurredAt: fixture.Noon()})
		}}
	}, nil)
	contract.Vault(t, func(*testing.T) contract.Sealed {
		vault, id := &fixture.Vault{}, int64(0)
		return contract.Sealed{Vault: vault, Seal: func(t *testing.T, key string, deleted bool, tokens ...string) {
			identity := fixture.Configuration(t, fixture.Key(key)).Identity()
			put := func(kind configuration.TokenKind, token string, version int) {
				if token != "" {
					vault.Put(kind, id, token, configuration.Owner{Identity: identity, Version: configuration.Version(version)})
				}
			}
			for i, token := range tokens {
				id++
				put(configuration.NewToken, token, i+1)
				if i > 0 {
					put(configuration.OldToken, tokens[i-1], i)
				}
			}
			last := tokens[len(tokens)-1]
			if !deleted {
				put(configuration.CurrentToken, last, len(tokens))
				return
			}
			put(configuration.DeletedToken, last, len(tokens)+1)
			id++
			put(configuration.OldToken, last, len(tokens))
		}}
	}, nil)
	contract.KeyUses(t, func(*testing.T) contract.KeyStore {
		keys := fixture.NewKeys()
		return contract.KeyStore{Keys: keys, Uses: keys}
	}, nil)
	contract.KeyChanges(t, func(*testing.T) contract.ListenedKeys {
		keys := fixture.NewKeys()
		return contract.ListenedKeys{Keys: keys, Changes: keys}
	}, nil)
}

func fedStore(*testing.T) contract.FedStore {
	store := fixture.NewStore()
	feed := fixture.NewFeed(store.Outbox)
	return contract.FedStore{Feed: feed, Deliveries: feed, Configurations: store}
}

func TestFeedInMemory(t *testing.T) {
	t.Parallel()
	contract.Feed(t, fedStore, nil)
}

func TestDeliveriesInMemory(t *testing.T) {
	t.Parallel()
	contract.Deliveries(t, fedStore, nil)
}

func TestMemoryInMaps(t *testing.T) {
	t.Parallel()
	contract.LocalCache(t, func(*testing.T) ports.LocalCache[string, int] {
		return fixture.NewLocalCache[string, int](contract.CacheBudget)
	}, nil)
}

func TestStoppedClock(t *testing.T) {
	t.Parallel()
	contract.Clock(t, func(*testing.T) ports.Clock { return fixture.NewClock() })
}

func TestStoppedStopwatch(t *testing.T) {
	t.Parallel()
	contract.Stopwatch(t, func(*testing.T) ports.Stopwatch { return fixture.NewStopwatch() })
}

func TestCountingIDs(t *testing.T) {
	t.Parallel()
	contract.IDs(t, func(*testing.T) ports.IDs { return fixture.NewIDs() })
}

func TestNoWait(t *testing.T) {
	t.Parallel()
	contract.Backoff(t, func(*testing.T) ports.Backoff { return &fixture.NoWait{} })
}

func TestBehaviours(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, b := range contract.Behaviours() {
		if seen[b] {
			t.Errorf("%q is named twice", b)
		}
		seen[b] = true
		t.Log(b)
	}
}

func TestSharedInMemory(t *testing.T) {
	t.Parallel()
	contract.SharedCache(t, func(*testing.T) contract.SharedConfigurations {
		return fixture.NewSharedCache[configuration.Locator, configuration.State]()
	}, nil)
}
