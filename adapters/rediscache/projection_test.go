package rediscache_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/rediscache"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// recorder records the keys whose values were replaced.
type recorder struct {
	mu   sync.Mutex
	keys []string
}

func (r *recorder) note(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = append(r.keys, key)
}

// openRecorded opens a store and records what it replaces.
func openRecorded(t *testing.T, b backend) (*rediscache.Store, *recorder) {
	t.Helper()
	replaced := &recorder{}
	store := rediscache.Open(rediscache.Options{
		Address: b.address, Prefix: b.prefix, Epoch: b.epoch.Present, Timeout: time.Minute,
		Replaced: replaced.note,
	})
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store, replaced
}

// leaseOf is a lease of the instance a of a service.
func leaseOf(t *testing.T, service string) registry.Grant {
	t.Helper()
	g := grant(t)
	g.Service = fixture.ServiceName(t, service)
	return g
}

func renewalsOf(grants ...registry.Grant) []registry.Renewal {
	renewals := make([]registry.Renewal, len(grants))
	for i, g := range grants {
		renewals[i] = registry.Renewal{LeaseKey: g.LeaseKey}
	}
	return renewals
}

func publishAll(t *testing.T, store *rediscache.Store) {
	t.Helper()
	more, err := store.Publish(t.Context())
	require.NoError(t, err)
	require.False(t, more)
}

// TestForeignValues puts values of another type under keys of the projection, as the
// README of the original tells programs to do with one of them.
func TestForeignValues(t *testing.T) {
	t.Parallel()
	for name, begin := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begin(t)
			client := clientOf(t, b)
			store, replaced := openRecorded(t, b)
			ctx := t.Context()
			foreign := []string{
				"healthy_services", "service:shop:instances", "service_info:shop", "service:shop:active",
			}
			for _, key := range foreign[:2] {
				require.NoError(t, client.Set(ctx, b.prefix+key, "x", 0).Err())
			}
			for _, key := range foreign[2:] {
				require.NoError(t, client.RPush(ctx, b.prefix+key, "x").Err())
			}

			shop, cart := leaseOf(t, "shop"), leaseOf(t, "cart")
			require.NoError(t, store.Grant(ctx, shop, cart))
			renewed, err := store.Renew(ctx, renewalsOf(shop, cart)...)
			require.NoError(t, err)
			for _, r := range renewed {
				assert.Equal(t, registry.LeaseRenewed, r.Outcome)
			}
			due, err := store.Due(ctx, replica, 10)
			require.NoError(t, err)
			assert.True(t, due.Elected)

			publishAll(t, store)
			for _, service := range []string{"shop", "cart"} {
				projected, err := client.HGetAll(ctx, b.prefix+"service:"+service+":instances").Result()
				require.NoError(t, err)
				assert.Contains(t, projected, "a")
			}
			entries := []registry.Entry{{Name: "shop", Version: 1, Info: []byte(`{}`), Active: true, Healthy: true}}
			lost, err := store.PutServices(ctx, time.Hour, entries...)
			require.NoError(t, err)
			assert.True(t, lost, "the entries of the set")
			assert.Equal(t, []string{"shop"}, client.SMembers(ctx, b.prefix+"healthy_services").Val())
			assert.Equal(t, "{}", client.Get(ctx, b.prefix+"service_info:shop").Val())
			assert.Equal(t, "1", client.Get(ctx, b.prefix+"service:shop:active").Val())
			lost, err = store.PutServices(ctx, time.Hour, entries...)
			require.NoError(t, err)
			assert.False(t, lost)
			assert.ElementsMatch(t, []string{b.prefix + foreign[0], b.prefix + foreign[1]}, replaced.keys)
			assert.Empty(t, store.Conditions())
		})
	}
}

// TestOwnKeysOfWrongType makes each own key a type that no script expects.
func TestOwnKeysOfWrongType(t *testing.T) {
	t.Parallel()
	for name, begin := range backends() {
		for _, key := range []string{
			"lease:shop/production/a", "reading:shop", "running", "ended", "sweeper", "members", "shown",
		} {
			t.Run(fmt.Sprint(name, "/", key), func(t *testing.T) {
				t.Parallel()
				b := begin(t)
				store, replaced := openRecorded(t, b)
				ctx := t.Context()
				shop, cart := leaseOf(t, "shop"), leaseOf(t, "cart")
				require.NoError(t, store.Grant(ctx, shop, cart))
				_, err := store.Due(ctx, replica, 10)
				require.NoError(t, err)
				broken := ownKey(t, b, key)
				require.NoError(t, clientOf(t, b).Del(ctx, broken).Err())
				require.NoError(t, clientOf(t, b).Set(ctx, broken, "x", 0).Err())

				_, err = store.Instances(ctx, shop.Key, cart.Key)
				require.NoError(t, err)
				_, err = store.Services(ctx, "shop", "cart")
				require.NoError(t, err)
				renewed, err := store.Renew(ctx, renewalsOf(shop, cart)...)
				require.NoError(t, err)
				assert.Equal(t, registry.LeaseRenewed, renewed[1].Outcome)
				due, err := store.Due(ctx, replica, 10)
				require.NoError(t, err)
				require.True(t, due.Elected)
				switch key {
				case "lease:shop/production/a":
					assert.Equal(t, registry.LeaseUnknown, renewed[0].Outcome)
				case "running", "sweeper", "ended":
					assert.True(t, due.Emptied, "leases may be missing: all are granted again")
					fallthrough
				default:
					assert.Equal(t, registry.LeaseRenewed, renewed[0].Outcome)
				}
				require.NoError(t, store.Grant(ctx, shop, cart))
				require.NoError(t, store.Note(ctx, registry.Note{Key: shop.Key}, registry.Note{Key: cart.Key}))
				live, err := store.Announce(ctx, replica, time.Minute)
				require.NoError(t, err)
				assert.Equal(t, []string{replica}, live)
				_, err = store.PutServices(ctx, time.Hour, registry.Entry{Name: "shop", Version: 1, Info: []byte(`{}`)})
				require.NoError(t, err)
				publishAll(t, store)
				require.NoError(t, store.Remove(ctx, shop.LeaseKey, cart.LeaseKey))
				assert.Equal(t, []string{broken}, replaced.keys)
			})
		}
	}
}

// ownKey returns the name of an own key.
func ownKey(t *testing.T, b backend, key string) string {
	t.Helper()
	return b.prefix + "registry:" + b.epoch.Present() + ":" + key
}

// TestInvalidLeaseIsRemoved makes a due lease a value of another type: it is removed, and
// the others expire.
func TestInvalidLeaseIsRemoved(t *testing.T) {
	t.Parallel()
	for name, begin := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begin(t)
			store := open(t, b)
			ctx := t.Context()
			shop, cart := leaseOf(t, "shop"), leaseOf(t, "cart")
			shop.TTL, cart.TTL = time.Millisecond, time.Millisecond
			require.NoError(t, store.Grant(ctx, shop, cart))
			client := clientOf(t, b)
			broken := ownKey(t, b, "lease:shop/production/a")
			require.NoError(t, client.Del(ctx, broken).Err())
			require.NoError(t, client.Set(ctx, broken, "x", 0).Err())
			require.NoError(t, client.ZAdd(ctx, ownKey(t, b, "running"), invalidMember("no lease")).Err())
			require.NoError(t, client.ZAdd(ctx, ownKey(t, b, "ended"), invalidMember("")).Err())
			b.advance(2 * time.Millisecond)

			found, err := store.Due(ctx, replica, 10)
			require.NoError(t, err)
			due := map[registry.LeaseKey]bool{}
			for _, l := range found.Overdue {
				due[l.LeaseKey] = true
			}
			assert.Equal(t, map[registry.LeaseKey]bool{{Key: shop.Key}: true, cart.LeaseKey: true}, due)
			require.NoError(t, store.Remove(ctx, registry.LeaseKey{Key: shop.Key}))
			expired, err := store.Expire(ctx, found.Overdue...)
			require.NoError(t, err)
			assert.ElementsMatch(t, []bool{false, true}, expired)
			next, err := store.Due(ctx, replica, 10)
			require.NoError(t, err)
			assert.Empty(t, next.Overdue)
			assert.Zero(t, client.ZCard(ctx, ownKey(t, b, "running")).Val(), "invalid members are removed")
		})
	}
}

// TestProjectionIsRepaired makes the projection differ from the leases.
func TestProjectionIsRepaired(t *testing.T) {
	t.Parallel()
	b := mini(t)
	client := clientOf(t, b)
	store := open(t, b)
	ctx := t.Context()
	shop := leaseOf(t, "shop")
	require.NoError(t, store.Grant(ctx, shop))
	publishAll(t, store)
	require.NoError(t, client.HSet(ctx, "service:shop:instances", "ghost", "{}").Err())
	_, err := store.PutServices(ctx, time.Hour, registry.Entry{Name: "shop", Version: 1, Info: []byte(`{}`)})
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, client.HKeys(ctx, "service:shop:instances").Val())
	assert.Equal(t, time.Hour, client.TTL(ctx, "service:shop:instances").Val())

	require.NoError(t, store.Remove(ctx, shop.LeaseKey))
	publishAll(t, store)
	assert.Zero(t, client.Exists(ctx, "service:shop:instances").Val())
}

// invalidMember is a member of a sorted set that is due and names no lease.
func invalidMember(name string) redis.Z { return redis.Z{Score: 1, Member: name} }

// TestRepeatedIDs publishes one id in two environments.
func TestRepeatedIDs(t *testing.T) {
	t.Parallel()
	for name, begin := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begin(t)
			client := clientOf(t, b)
			store, _ := openRecorded(t, b)
			inProduction, inStaging := leaseOf(t, "shop"), leaseOf(t, "shop")
			inStaging.Environment = fixture.Environment(t, "staging")
			inStaging.URL, inStaging.Epoch = "http://10.0.0.2:8080", 2
			projects := func(want map[string]int64) {
				t.Helper()
				publishAll(t, store)
				fields, err := client.HGetAll(t.Context(), b.prefix+"service:shop:instances").Result()
				require.NoError(t, err)
				epochs := map[string]int64{}
				for field, text := range fields {
					var i struct {
						ID    string `json:"instance_id"`
						Epoch int64  `json:"lease_epoch"`
					}
					require.NoError(t, json.Unmarshal([]byte(text), &i))
					assert.Equal(t, "a", i.ID)
					epochs[field] = i.Epoch
				}
				assert.Equal(t, want, epochs)
			}
			both := map[string]int64{"production/a": 1, "staging/a": 2}
			entry := registry.Entry{Name: "shop", Version: 1, Info: []byte(`{}`), Active: true, Healthy: true}
			put := func() {
				t.Helper()
				_, err := store.PutServices(t.Context(), time.Hour, entry)
				require.NoError(t, err)
			}

			require.NoError(t, store.Grant(t.Context(), inProduction))
			projects(map[string]int64{"a": 1})
			require.NoError(t, store.Grant(t.Context(), inStaging))
			projects(both)
			_, err := store.Renew(t.Context(), renewalsOf(inProduction, inStaging)...)
			require.NoError(t, err)
			projects(both)
			put()
			projects(both)
			require.NoError(t, store.Remove(t.Context(), inProduction.LeaseKey))
			projects(map[string]int64{"a": 2})
			require.NoError(t, store.Grant(t.Context(), inProduction))
			projects(both)
			require.NoError(t, client.Del(t.Context(), ownKey(t, b, "lease:shop/staging/a")).Err())
			put()
			projects(map[string]int64{"a": 1})
			require.NoError(t, store.Remove(t.Context(), inProduction.LeaseKey))
			projects(map[string]int64{})
		})
	}
}
